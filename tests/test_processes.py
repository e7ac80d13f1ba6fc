"""Several processes and several threads of Python at work: they end, with the same bits.

The work is in processes_work.py, each part in an interpreter of its own, so that one that hangs
can be ended, and a fork finds no threads but the part's own.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)


def run(function, *arguments, timeout=60, **variables):
    """What it prints. An error in it is one here, and so is a hang, after which all of its
    processes are killed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    # There are more threads than processors, on purpose: those that wait sleep.
    environment |= {"GOMP_SPINCOUNT": "0", **variables}
    environment["PYTHONPATH"] = os.pathsep.join([HERE, os.environ.get("PYTHONPATH", HERE)])
    command = [sys.executable, "-c", f"import processes_work; processes_work.{function}{arguments}"]
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


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process_pools(method):
    run("pool", method)


@pytest.mark.parametrize(
    "function",
    [
        "fork_after_each_kind_of_work",
        "prefork_server",
        "fork_while_others_work",
        "fork_while_locks_are_held",
        "fork_where_no_team_can_be_ended",
    ],
)
def test_a_fork(function):
    run(function)


def test_random_numbers_after_a_fork():
    run("numbers_drawn_in_forks")


def test_workers_of_joblib_share_the_processors_out():
    run("joblib_workers")


@pytest.mark.parametrize("variables", [{}, {"OMP_THREAD_LIMIT": "3"}])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_that_train_give_the_bits_of_one_after_the_other(threads, variables):
    run("threads_that_train", threads, **variables)


def test_other_threads_run_while_a_kernel_does():
    run("others_run_while_a_kernel_does")


def test_one_training_step_is_for_one_thread():
    run("one_step_used_by_two_threads")


@pytest.mark.parametrize("setting", ["1", "2", "5"])
def test_threadpoolctl_limits_the_kernels(setting):
    run("limits_by_threadpoolctl", OMP_NUM_THREADS=setting)


@pytest.fixture(scope="module")
def of_one_thread():
    return run("print_every_kernel", 1)


@pytest.mark.parametrize(
    "variables",
    [
        {"OMP_THREAD_LIMIT": "1"},
        {"OMP_THREAD_LIMIT": "2"},
        {"OMP_DYNAMIC": "true"},
        {"OMP_NUM_THREADS": "1"},
    ],
)
def test_a_team_smaller_than_was_asked_for_gives_the_same_bits(variables, of_one_thread):
    assert run("print_every_kernel", 4, **variables) == of_one_thread
