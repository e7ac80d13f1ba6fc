"""What test_processes.py runs, a function at a time, in interpreters of their own.

Each trains or predicts in other processes or threads, and asserts that the bits are those
of this process, computed one after the other.
"""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

import minidl
from minidl import data, nn, optim, training
from minidl import functional as F
from minidl._kernels import threads
from minidl.optim import max_norm
from minidl.tensor import base

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
        for rule in (optim.Adam, optim.RMSprop, optim.Adagrad):
            rule([inputs, slopes], lr=0.1).step()
        max_norm([inputs], 0.5)
        results += [t.data.tobytes() for t in (inputs, inputs.grad, slopes, slopes.grad)]
    return hashlib.sha256(b"".join(results)).hexdigest()


def print_every_kernel(count):
    minidl.set_num_threads(count)
    print(every_kernel())


# ---- Processes -----------------------------------------------------------------------------------


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
        minidl.tape._releasing,
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
