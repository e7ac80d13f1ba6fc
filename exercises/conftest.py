"""Runs the exercises' tests, and says in words which are done and what the next one expects.

What is tested are the reader's own files, exercises/own/, which git ignores. They begin as copies
of the tasks.
"""

import shutil
import sys
from pathlib import Path
from textwrap import indent

import pytest

import minidl

HERE = Path(__file__).parent


def folder(config):
    """Where the tested files are."""
    return HERE / config.getoption("files")


def pytest_addoption(parser):
    """`--files solutions` tests the files in solutions/ in place of the reader's."""
    parser.addoption("--files", choices=["own", "solutions", "tasks"], default="own")


def pytest_configure(config):
    """The tests import the tested files by name; one that cannot be imported does not stop them."""
    if config.getoption("files") == "own":
        folder(config).mkdir(exist_ok=True)
        for task in HERE.glob("tasks/*.p*"):
            if not (folder(config) / task.name).exists():
                shutil.copy(task, folder(config))
    sys.path[:0] = [str(folder(config)), str(HERE)]
    config.option.continue_on_collection_errors = True


@pytest.fixture(autouse=True)
def _one_seed():
    minidl.manual_seed(0)


@pytest.fixture(scope="session")
def tested(request):
    """The folder with the tested files, for a test that compiles one."""
    return folder(request.config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """The docstring of a test says what it expects."""
    report = yield
    report.expects = item.obj.__doc__
    return report


def pytest_terminal_summary(terminalreporter, config):
    """The state of each exercise, and the first thing that is to be done."""
    passed, failed = (
        [r for kind in kinds for r in terminalreporter.stats.get(kind, [])]
        for kinds in (["passed"], ["error", "failed"])
    )
    terminalreporter.write_line("\n")
    for test in sorted(HERE.glob("test_*.py")):
        good, bad = ([r for r in some if test.name in r.nodeid] for some in (passed, failed))
        if good or bad:
            state = f"{len(good)} of {len(good + bad)} tests pass" if bad else "done"
            terminalreporter.write_line(f"{title(test, config):<46} {state}")
    if failed:
        first = min(failed, key=lambda report: report.nodeid.partition("::")[0])
        terminalreporter.write_line(f"\n{explanation(first, config)}")


def title(test, config):
    """The number and the file of the exercise that is tested by this file."""
    _, number, name = test.stem.split("_")
    (file,) = folder(config).glob(f"{name}.p*")
    return f"exercise {number}: {file.relative_to(HERE.parent)}"


def explanation(report, config):
    """What a failed test expected, and what came."""
    expects = getattr(report, "expects", "a file that can be imported")
    crash = getattr(report.longrepr, "reprcrash", None)
    came = crash.message if crash else report.longreprtext
    heading = title(HERE / report.nodeid.partition("::")[0].rpartition("/")[2], config)
    words = {f"Next, {heading} expects:": expects, "But:": came, "The test:": report.nodeid}
    return "\n".join(f"{name}\n{indent(text, '  ')}" for name, text in words.items())
