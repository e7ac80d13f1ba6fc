"""Processes of the tests: interpreters of their own, and children that are forked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)


def run(module, function, *arguments, timeout=60, **variables):
    """What the function of a module prints. An error in it is one here, and so is a hang, after
    which all of its processes are killed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    # There are more threads than processors, on purpose: those that wait sleep.
    environment |= {"GOMP_SPINCOUNT": "0", **variables}
    environment["PYTHONPATH"] = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", HERE)])
    command = [sys.executable, "-c", f"import {module}; {module}.{function}{arguments}"]
    process = subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"{function} hangs: {process.communicate()}")
    assert process.returncode == 0, errors
    return output


def in_fork(function):
    """Runs it in a forked child, which says by its exit status whether it came through."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return child


def end_well(*children):
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0, f"a child ended with {status}"
