"""Forks, whatever goes on in the parent: its children train, to the bits of the parent."""

import pytest
from children import run

from minidl.tools import forks


@pytest.mark.parametrize(
    "function",
    [
        "fork_after_each_kind_of_work",
        "prefork_server",
        "fork_while_others_work",
        "fork_while_locks_are_held",
        "fork_in_a_signal_handler",
        "fork_during_an_epoch",
        "fork_where_no_team_can_be_ended",
        "numbers_drawn_in_forks",
    ],
)
def test_a_fork(function):
    run("forks_work", function)


@pytest.mark.parametrize("name", forks.LATE)
def test_a_fork_during_another_threads_import(name):
    run("import_work", "fork_during_the_import_of", name)


def test_no_other_import_is_late():
    names = run("import_work", "print_late_imports").split()
    assert {".".join(name.split(".")[:2]) for name in names} == set(forks.LATE)
