"""Several processes and several threads of Python at work: they end, with the same bits.

The work is in processes_work.py, each part in an interpreter of its own, so that one that hangs
can be ended, and a fork finds no threads but the part's own.
"""

from functools import partial

import pytest
from children import run as run_of

run = partial(run_of, "processes_work")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process_pools(method):
    run("pool", method)


def test_workers_of_joblib_share_the_processors_out():
    run("joblib_workers")


@pytest.mark.parametrize("variables", [{}, {"OMP_THREAD_LIMIT": "3"}])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_that_train_give_the_bits_of_one_after_the_other(threads, variables):
    run("threads_that_train", threads, **variables)


def test_kernels_need_no_more_than_64_kilobytes_of_stack():
    run("on_small_stacks", OMP_STACKSIZE="64k")


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
