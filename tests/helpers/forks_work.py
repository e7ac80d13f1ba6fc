"""What test_forks.py runs, a function at a time, in interpreters of their own: processes that fork
while something is going on. Each child trains, to the bits of its parent.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
from children import end_well, in_fork
from processes_work import SEEDS, network, predicted, product, trained, trained_by_the_loop, work

import minidl
from minidl import data, nn
from minidl import functional as F
from minidl._kernels import threads
from minidl.engine.tensor import base
from minidl.step import training


def fork_after_each_kind_of_work():
    """The team's last work was a product, steps, or a prediction: a child can do all of them."""
    minidl.set_num_threads(2)
    expected = work()[1]

    def child():
        assert work() == (1, expected)

    for use in (product, trained, predicted):
        use()
        end_well(in_fork(child))
        with minidl.set_num_threads(2):
            end_well(in_fork(child))
    assert work() == (2, expected)


def prefork_server():
    """The parent predicts, its workers predict and train, have a team if they ask for it, and
    fork again; a process that a worker spawns has the default number of threads."""
    minidl.set_num_threads(2)
    expected = [work(seed)[1] for seed in SEEDS]

    def grandchild():
        assert work(3) == (1, expected[3])
        minidl.set_num_threads(3)
        assert work(2) == (3, expected[2])

    def worker(seed):
        assert work(seed) == (1, expected[seed])
        end_well(in_fork(grandchild))
        with minidl.set_num_threads(2):
            assert work(seed) == (2, expected[seed])
            end_well(in_fork(grandchild))
            assert work(seed) == (2, expected[seed])
        assert minidl.get_num_threads() == 1

    def worker_that_spawns():
        ask = "import minidl; print(minidl.get_num_threads())"
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
        assert int(done.stdout) == threads.default_threads()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
            count, bits = executor.submit(work, 1).result()
        assert (count, bits) == (threads.default_threads(), expected[1])

    end_well(*[in_fork(lambda seed=seed: worker(seed)) for seed in SEEDS])
    end_well(in_fork(worker_that_spawns))
    assert work(1) == (2, expected[1])


def fork_while_others_work():
    """Other threads are in kernels, in backward, and draw numbers, while this one forks."""
    expected = work(1)[1]
    minidl.set_num_threads(2)
    shared = minidl.tensor(np.ones(100_000), requires_grad=True)
    stop = threading.Event()

    def steps():
        while not stop.is_set():
            assert trained(1) in expected

    def sums():
        while not stop.is_set():
            (shared * 1.0).sum().backward()

    def draws():
        while not stop.is_set():
            minidl.random.generator().standard_normal(100_000)

    def child():
        assert work(1) == (1, expected)
        (shared * 1.0).sum().backward()
        nn.MLP([50, 50, 10])

    with ThreadPoolExecutor(3) as executor:
        others = [executor.submit(f) for f in (steps, sums, draws)]
        try:
            for _ in range(10):
                end_well(in_fork(child))
        finally:
            stop.set()
        for other in others:
            other.result()


def fork_while_locks_are_held():
    """A child has no thread that would ever release them."""
    minidl.manual_seed(0)
    for lock in (
        base._adding,
        minidl.engine.tape._releasing,
        minidl.random.generator().bit_generator.lock,
    ):
        held, let_go = threading.Event(), threading.Event()

        def hold(lock=lock, held=held, let_go=let_go):
            with lock:
                held.set()
                let_go.wait(0.2)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        child = in_fork(lambda: (trained_by_the_loop(), nn.MLP([5, 5, 2])))
        let_go.set()
        holder.join()
        end_well(child)


def fork_in_a_signal_handler():
    """It runs in the middle of what its thread does, which may hold a lock."""
    expected = trained_by_the_loop()
    children = []

    def handler(*_):
        children.append(in_fork(lambda: trained_by_the_loop() == expected or sys.exit("wrong")))

    signal.signal(signal.SIGUSR1, handler)
    for lock in (base._adding, minidl.engine.tape._releasing):
        with lock:
            signal.raise_signal(signal.SIGUSR1)
    end_well(*children)
    assert len(children) == 2
    assert trained_by_the_loop() == expected


def fork_during_an_epoch():
    """The child has a step that nobody is in, though its parent's other thread is."""
    training.CALL = 1e15  # an epoch is one kernel call
    x = np.zeros((200_000, 60), np.uint8)
    batches = data.batches(x, np.zeros(len(x), int), batch_size=50)
    net, optimizer, few = network(0)
    step = minidl.TrainingStep(net, F.cross_entropy, optimizer)
    runner = threading.Thread(target=step.epoch, args=(batches,))
    runner.start()
    while not step._running_in:
        time.sleep(0.001)
    child = in_fork(lambda: step.epoch(few))
    assert runner.is_alive()
    runner.join()
    end_well(child)
    step.epoch(few)


def fork_where_no_team_can_be_ended():
    """As it is with GCC 8, and where a program in C forks: the child stays serial and says so."""
    minidl.set_num_threads(2)
    expected = work()[1]
    threads.openmp = type("Old", (), vars(threads.openmp) | {"release_team": lambda: False})

    def child():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            minidl.set_num_threads(2)
        assert "stays at one thread" in str(caught[0].message)
        assert work() == (1, expected)
        end_well(in_fork(lambda: work() == (1, expected) or sys.exit("wrong")))

    end_well(in_fork(child))


def numbers_drawn_in_forks():
    def drawn():
        return minidl.random.generator().integers(2**63)

    def numbers():
        read, write = os.pipe()
        end_well(*[in_fork(lambda: os.write(write, b"%020d" % drawn())) for _ in range(2)])
        text = os.read(read, 40)
        return int(text[:20]), int(text[20:])

    drawn()
    first, second = numbers()
    assert first != second, "nothing was seeded"
    minidl.manual_seed(3)
    drawn()
    first, second = numbers()
    assert first == second == drawn(), "a copy goes on where the original is"
