"""The backward pass in several threads at once."""

import threading

import numpy as np
from support import leaf, planted

from minidl import no_grad
from minidl.engine.tensor import record
from minidl.errors import GraphError


def run_at_once(*functions):
    """Runs the functions in threads of their own; an error in one is raised here."""
    errors = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_no_grad_holds_for_its_thread_only_even_if_the_object_is_shared():
    x, block = leaf(1.0), no_grad()
    within, left = threading.Barrier(3), threading.Barrier(3)

    def inside():
        with block:
            within.wait()
            assert not (x * 2).requires_grad
            left.wait()
        assert (x * 2).requires_grad

    def outside():
        within.wait()
        assert (x * 2).requires_grad
        left.wait()

    run_at_once(inside, inside, outside)


def test_threads_that_share_a_leaf_lose_none_of_its_gradients():
    x = leaf(1.0)
    start = threading.Barrier(4)

    def train():
        start.wait()
        for _ in range(200):
            (x * 1.0).backward()

    run_at_once(*[train] * 4)
    np.testing.assert_array_equal(x.grad, [800])


def test_a_graph_run_by_two_threads_side_by_side_counts_once():
    x = leaf(1.0)
    within = threading.Barrier(2)

    def meet(dy):
        within.wait(timeout=60)
        return (dy,)

    loss = record(planted("meeting", meet), x.data * 1, (x,))
    failed = []

    def run():
        try:
            loss.backward()
        except GraphError as error:
            failed.append(str(error))

    run_at_once(run, run)
    assert len(failed) == 1
    assert "meeting" in failed[0]
    np.testing.assert_array_equal(x.grad, [1])


def test_a_graph_run_by_two_threads_at_once_is_no_silent_half():
    x = leaf(1.0)
    within, go_on = threading.Event(), threading.Event()

    def slow(dy):
        within.set()
        assert go_on.wait(timeout=60)
        return (dy,)

    trunk = record(planted("trunk", lambda dy: (dy,)), x.data * 1, (x,))
    waiting = record(planted("slow", slow), trunk.data * 1, (trunk,))
    failed = []

    def late():
        try:
            waiting.backward()
        except GraphError as error:
            failed.append(str(error))

    thread = threading.Thread(target=late)
    thread.start()
    assert within.wait(timeout=60)
    trunk.backward()
    go_on.set()
    thread.join()
    assert "trunk" in failed[0]
    np.testing.assert_array_equal(x.grad, [1])
