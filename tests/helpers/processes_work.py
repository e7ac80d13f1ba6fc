"""What test_processes.py runs, a function at a time, in interpreters of their own.

Each trains or predicts in other processes or threads, and asserts that the bits are those
of this process, computed one after the other.
"""

import hashlib
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
from optimizer_rules import RULES

import minidl
from minidl import data, nn, optim
from minidl import functional as F
from minidl._kernels import threads
from minidl.optim import max_norm
from minidl.step import training

threads.WORTH_SHARING = 0  # small work is shared out too
SEEDS = range(4)
PIXELS = np.random.default_rng(0).integers(0, 256, (100, 60), np.uint8)
LABELS = np.random.default_rng(1).integers(0, 10, 100)


# ---- The work ------------------------------------------------------------------------------------


def product(seed=0):
    x = np.random.default_rng(seed).standard_normal((90, 90)).astype(np.float32)
    return (minidl.tensor(x) @ x).data.tobytes()


def network(seed):
    """A net of its own size, an optimiser, and batches of rows for them."""
    rng = np.random.default_rng(seed)
    net = nn.MLP([60, 20 + 17 * seed, 10], ["relu", "prelu", "tanh", "maxout"][seed])
    for p in net.parameters():
        p.data[...] = rng.standard_normal(p.shape) / 8
    batches = data.batches(PIXELS, LABELS, batch_size=30 + seed, shuffle=True, seed=seed)
    return net, optim.SGD(net.parameters(), lr=0.05, momentum=0.9), batches


def bits_of(net):
    outputs = minidl.predict(net, PIXELS)
    return outputs.tobytes() + b"".join(p.data.tobytes() for p in net.parameters())


def trained(seed=0):
    net, optimizer, batches = network(seed)
    step = minidl.TrainingStep(net, F.cross_entropy, optimizer)
    for _ in range(2):
        step.epoch(batches)
    return bits_of(net)


def trained_by_the_loop(seed=0):
    net, optimizer, batches = network(seed)
    for _ in range(2):
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    return bits_of(net)


def predicted(seed=0):
    return minidl.predict(network(seed)[0], PIXELS).tobytes()


def work(seed=0):
    """All of it, and the number of threads."""
    return (
        minidl.get_num_threads(),
        product(seed) + predicted(seed) + trained(seed) + trained_by_the_loop(seed),
    )


def every_kernel():
    """A digest of what each kernel gives."""
    minidl.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((67, 90))
    results = [work(seed)[1] for seed in SEEDS]
    for dtype in ("float32", "float64"):
        inputs = minidl.tensor(x, dtype=dtype, requires_grad=True)
        for f in (F.gelu, F.relu, F.softmax, F.log_softmax, F.dropout):
            y = f(inputs)
            y.backward(np.ones(y.shape, dtype))
            results.append(y.data.tobytes())
        slopes = minidl.tensor(np.full(90, 0.3), dtype=dtype, requires_grad=True)
        F.prelu(inputs, slopes).sum().backward()
        for rule in RULES:
            rule([inputs, slopes], lr=0.1).step()
        max_norm([inputs], 0.5)
        results += [t.data.tobytes() for t in (inputs, inputs.grad, slopes, slopes.grad)]
    return hashlib.sha256(b"".join(results)).hexdigest()


def wide_in_double_precision():
    """A net whose products copy as much as any do, as the kernel trains it and by the loop."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((256, 1200)), rng.integers(0, 10, 256)
    results = []
    for uses_kernel in (True, False):
        minidl.manual_seed(0)
        net = nn.MLP([1200, 300, 10]).astype("float64")
        optimizer = optim.SGD(net.parameters(), lr=0.1)
        if uses_kernel:
            minidl.TrainingStep(net, F.cross_entropy, optimizer)(x, y)
        else:
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        results.append(b"".join(p.data.tobytes() for p in net.parameters()))
    assert results[0] == results[1]
    return results[0]


def on_small_stacks():
    """Every kernel in a thread of Python with a small stack, and in a team of threads with smaller
    ones: to the bits of the main thread alone."""
    expected = every_kernel(), wide_in_double_precision()
    minidl.set_num_threads(3)
    threading.stack_size(160 * 1024)
    results = []
    thread = threading.Thread(
        target=lambda: results.append((every_kernel(), wide_in_double_precision()))
    )
    thread.start()
    thread.join()
    assert results == [expected]


def print_every_kernel(count):
    minidl.set_num_threads(count)
    print(every_kernel())


# ---- Processes -----------------------------------------------------------------------------------


def pool(method):
    """Workers of a ProcessPoolExecutor; the parent has used a team before each kind of work."""
    minidl.set_num_threads(2)
    expected = [work(seed)[1] for seed in SEEDS]
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        results = list(executor.map(work, SEEDS))
    assert [bits for _, bits in results] == expected
    count = 1 if method == "fork" else threads.default_threads()
    assert {n for n, _ in results} == {count}
    if method == "fork":
        with context.Pool(2) as other:
            assert other.map(work, SEEDS) == results
    assert work()[1] == expected[0]


# ---- joblib --------------------------------------------------------------------------------------


def joblib_workers():
    import joblib

    minidl.set_num_threads(2)
    expected = [work(seed)[1] for seed in SEEDS]

    def run(backend):
        results = joblib.Parallel(2, backend)(joblib.delayed(work)(seed) for seed in SEEDS)
        assert [bits for _, bits in results] == expected
        (count,) = {n for n, _ in results}
        return count

    assert run("loky") == max(1, joblib.cpu_count() // 2)
    assert run("multiprocessing") == 1
    assert run("threading") == 2


# ---- Threads of Python ---------------------------------------------------------------------------


def threads_that_train(count):
    """Each trains models of its own, each kernel call with a team of its own."""
    minidl.set_num_threads(count)
    jobs = [(f, seed) for seed in SEEDS for f in (trained, trained_by_the_loop)] * 3
    expected = [f(seed) for f, seed in jobs]
    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(lambda job: job[0](job[1]), jobs)) == expected


def others_run_while_a_kernel_does():
    training.CALL = 1e15  # an epoch is one kernel call
    x = np.zeros((200_000, 60), np.uint8)
    batches = data.batches(x, np.zeros(len(x), int), batch_size=50)
    for count in (1, 2):
        minidl.set_num_threads(count)
        net, optimizer, _ = network(0)
        step = minidl.TrainingStep(net, F.cross_entropy, optimizer)
        runner = threading.Thread(target=step.epoch, args=(batches,))
        runner.start()
        ticks = 0
        while runner.is_alive():
            time.sleep(0.001)
            ticks += 1
        assert ticks >= 10


def one_step_used_by_two_threads():
    """An error, no hang and no wrong memory."""
    minidl.set_num_threads(2)
    net, optimizer, batches = network(0)
    step = minidl.TrainingStep(net, F.cross_entropy, optimizer)

    def train():
        for _ in range(200):
            try:
                step.epoch(batches)
            except minidl.GraphError:
                return 1
        return 0

    with ThreadPoolExecutor(4) as executor:
        refused = sum(executor.map(lambda _: train(), range(4)))
    assert 1 <= refused <= 3
    step.epoch(batches)


# ---- threadpoolctl -------------------------------------------------------------------------------


def os_threads():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0


def limits_by_threadpoolctl():
    """Whatever else is set, by the environment too, a limit is the most."""
    from threadpoolctl import threadpool_limits

    minidl.set_num_threads(3)
    for options in ({}, {"user_api": "openmp"}):
        with threadpool_limits(1, **options):
            assert minidl.get_num_threads() == 1
            before = os_threads()
            work()
            assert os_threads() == before, "a team was started"
            with minidl.set_num_threads(2):
                assert minidl.get_num_threads() == 1
        with threadpool_limits(2, **options):
            assert minidl.get_num_threads() == 2
        with threadpool_limits(8, **options):
            assert minidl.get_num_threads() == 3
        assert minidl.get_num_threads() == 3
    with threadpool_limits(2, user_api="blas"):
        assert minidl.get_num_threads() == 3
    with minidl.set_num_threads(4), threadpool_limits(2):
        assert minidl.get_num_threads() == 2
    with threadpool_limits(2):
        minidl.set_num_threads(4)
        assert minidl.get_num_threads() == 2
    assert minidl.get_num_threads() == 4
    before = os_threads()
    with threadpool_limits(2, user_api="openmp"):
        limited = every_kernel()
        assert os_threads() == before + (before > 0)
    assert every_kernel() == limited
    assert os_threads() == before + 3 * (before > 0)
