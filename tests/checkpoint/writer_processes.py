"""Processes that save checkpoints, for test_processes.py: they are killed, or work at once.

It runs as a program of its own, because a fork of the tests' process would take its threads'
state with it.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from minidl.checkpoint import Folder

SIZE = 100_000


def arrays(step: int) -> dict[str, np.ndarray]:
    return {"w": np.full(SIZE, step, np.float32), "n": np.array(step)}


def newest_step(folder: Folder) -> int:
    """The newest checkpoint's step, -1 if there is none; all in it has to be of that step."""
    saved = folder.newest()
    if saved is None:
        return -1
    assert (saved.arrays["w"] == saved.step).all()
    assert len(saved.arrays["w"]) == SIZE
    assert saved.arrays["n"] == saved.state["step"] == saved.step
    return saved.step


def save_on_and_on(path: Path, report: int) -> None:
    """Continues the sequence and reports each step that is saved."""
    folder = Folder(path, keep=2)
    step = newest_step(folder)
    while True:
        step += 1
        folder.save(step, arrays(step), {"step": step}, score=-abs(step - 10))
        os.write(report, b"%d\n" % step)


def child(work) -> int:
    """Starts `work` in a process of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return pid


def kill_at_random(path: Path, kills: int) -> None:
    """Kills a writer so many times, 0 to 60 ms after its first report; then looks at the folder."""
    rng = random.Random(0)
    leftovers = 0
    last = -1
    for _ in range(kills):
        reader, writer = os.pipe()
        pid = child(lambda report=writer: save_on_and_on(path, report))
        os.close(writer)
        reported = os.read(reader, 100)
        time.sleep(rng.uniform(0, 0.06))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL, "it ended by itself"
        while more := os.read(reader, 1 << 16):
            reported += more
        os.close(reader)
        leftovers += len(list(path.glob(".step-*")))
        step = newest_step(Folder(path))
        assert step >= int(reported.split()[-1]) > last, "what was reported is there"
        last = step
    Folder(path, keep=2).save(last + 1, arrays(last + 1), {"step": last + 1})
    names = sorted(file.name for file in path.iterdir())
    assert names == [f"step-{step:08d}.safetensors" for step in (10, last, last + 1)], names
    print(f"{kills} kills, {leftovers} temporary files left, {last + 1} steps")


def kill_at_each_call(path: Path) -> None:
    """Kills a writer right before and right after each system call that matters."""

    def dies(name: str, count: int, before: bool) -> None:
        real = getattr(os, name)
        calls = []

        def call(*arguments):
            calls.append(name)
            if before and len(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments)
            if len(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(os, name, call)
        Folder(path).save(2, arrays(2), {"step": 2})

    Folder(path).save(1, arrays(1), {"step": 1})
    for name, count in (("fsync", 1), ("replace", 1), ("fsync", 2)):
        for before in (True, False):
            (path / "step-00000002.safetensors").unlink(missing_ok=True)
            _, status = os.waitpid(child(lambda: dies(name, count, before)), 0)
            assert os.WTERMSIG(status) == signal.SIGKILL
            is_renamed = (name, before) == ("replace", False) or count == 2
            assert newest_step(Folder(path)) == (2 if is_renamed else 1), (name, count, before)
    Folder(path).save(3, arrays(3), {"step": 3})
    assert not list(path.glob(".*"))


def save_together(path: Path, processes: int) -> None:
    """Several writers at once, on the same steps and on their own; each reads what is there."""

    def work(number: int) -> None:
        folder = Folder(path, keep=3)
        for i in range(12):
            for step in (100 * i, 100 * i + number):
                folder.save(step, arrays(step), {"step": step}, score=step if step < 300 else 0)
                assert newest_step(folder) >= step

    pids = [child(lambda number=number: work(number)) for number in range(1, processes + 1)]
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * processes
    folder = Folder(path, keep=3)
    best = 200 + processes
    assert folder.best().step == best
    last = 1100 + processes
    names = {file.name for file in path.iterdir()}
    for step in (best, last, last - 1, last - 2):
        assert f"step-{step:08d}.safetensors" in names
    assert not [name for name in names if not name.startswith("step-")]


if __name__ == "__main__":
    work, path, *count = sys.argv[1:]
    {"random": kill_at_random, "calls": kill_at_each_call, "together": save_together}[work](
        Path(path), *map(int, count)
    )
