"""Cells side by side: the results of `cell`, kept one by one, whatever ends the run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest
from lab_cells import fail, learn
from lab_planted import TINY

from minidl import MinidlError, _kernels
from minidl_lab import Bench, command_line

OWN = """
import os, time
from pathlib import Path

from minidl import nn
from minidl_lab.experiments.collapse import Collapse

class Cube(nn.Activation):
    name = "cube_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        return x * x * x

def wait(digits, *, n, activation):
    Path(f"worker-{n}").write_text(str(os.getpid()))
    time.sleep(60 * n)
    x = digits.x[:, :2].astype("float32")
    return {"images": len(x), "shape": nn.MLP([2, 2], activation)(x).shape}

def measure(self, bench):
    return bench.cells(wait, [{"n": n, "activation": bench.extra[0]} for n in range(4)])

Collapse.measure = measure
"""


@pytest.fixture(autouse=True)
def two_threads():
    before = _kernels.get_num_threads()
    _kernels.set_num_threads(2)
    yield
    _kernels.set_num_threads(before)


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_of_workers.py").write_text(OWN.partition("def wait")[0])
    monkeypatch.syspath_prepend(str(tmp_path))
    yield command_line.own.activation("own_of_workers:Cube")
    del sys.modules["own_of_workers"]


def test_results_are_those_of_cell_to_the_bit(bench, few_digits, own, tmp_path):
    bench.extra = [own]
    asked = [{"activation": name, "seed": seed} for name in ("relu", own) for seed in (0, 1)]
    level = _kernels.level
    try:
        _kernels.use(_kernels.levels()[-1])  # not the one with which a process begins
        one = bench.cell(learn, **asked[2])
        found = bench.cells(learn, [*asked, asked[1]])
        expected = [learn(few_digits, **arguments) for arguments in asked]
    finally:
        _kernels.use(level)
    for result, wanted in zip(found, [*expected, expected[1]], strict=True):
        assert [result[key] for key in ("losses", "bits", "level")] == [
            wanted[key] for key in ("losses", "bits", "level")
        ]
    assert [result["threads"] for result in found] == [1, 1, 2, 1, 1]
    assert found[2] == one
    assert len(bench.store.cells) == 4
    assert [cell.arguments for cell in bench.measured] == [asked[2], *asked, asked[1]]


def test_joblibs_workers_come_to_the_same_bits_whatever_the_number_of_threads(bench):
    asked = [{"activation": "relu", "seed": seed} for seed in (0, 1)]
    with joblib.parallel_config("loky", n_jobs=2):
        found = bench.cells(learn, asked)
    with _kernels.set_num_threads(1):
        assert found == [learn(bench.digits, **arguments) for arguments in asked]
    assert [cell.result for cell in bench.store.cells.values()] in (found, found[::-1])


@pytest.mark.parametrize(
    ("why", "error"), [("error", MinidlError), ("Ctrl-C", KeyboardInterrupt), ("dies", MinidlError)]
)
def test_what_ends_a_cell_ends_the_run_and_keeps_the_others(bench, why, error):
    with pytest.raises(error, match="a power cut" if why == "error" else None):
        bench.cells(fail, [{"n": n, "why": why} for n in (0, 1, 2)])
    kept = [cell.result["square"] for cell in bench.store.cells.values()]
    assert sorted(kept) == [0, 1]


def test_without_a_second_cell_or_thread_there_is_no_process(bench, monkeypatch):
    monkeypatch.setattr("minidl_lab.bench.side_by_side", None)
    assert bench.cells(fail, []) == []
    assert bench.cells(fail, [{"n": 3}, {"n": 3}]) == [{"square": 9}] * 2
    assert bench.cells(fail, [{"n": 3}, {"n": 4}]) == [{"square": 9}, {"square": 16}]
    _kernels.set_num_threads(1)
    assert bench.cells(fail, [{"n": n} for n in (5, 3, 6)])[2] == {"square": 36}


def test_each_cell_is_told_with_its_share_of_the_time(few_digits, bench, monkeypatch):
    told = []

    class Display:
        def cell_begins(self, words):
            told.append(words)

        def cell_ends(self, seconds):
            told.append(seconds)

    def at_once(measure, digits, arguments, workers, classes, keep):
        for number in (1, 0):
            keep(number, 3.0, {})

    monkeypatch.setattr("minidl_lab.bench.side_by_side", at_once)
    told_to = Bench("tried", few_digits, TINY, bench.store, Display())
    for _ in range(2):
        told_to.cells(fail, [{"n": 0}, {"n": 1}])
    before, between, after = (f"fail: {n} cells side by side" for n in (2, 1, 0))
    assert told == [before, 1.5, between, 1.5, after, 1.5, 1.5]


@pytest.mark.parametrize("ended", ["Ctrl-C", "killed"])
def test_as_a_process_its_workers_end_with_it(mnist_of_60, ended):
    (mnist_of_60 / "own_of_workers.py").write_text(OWN)
    package = Path(command_line.__file__).parents[1]
    words = ["--data", "mnist", "--quick", "--only", "collapse"]
    run = subprocess.Popen(
        [sys.executable, "-m", "minidl_lab", *words, "--activation", "own_of_workers:Cube"],
        env=os.environ | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "2"},
        stderr=subprocess.PIPE, text=True, cwd=mnist_of_60, start_new_session=True,
    )  # fmt: skip
    try:
        files = [mnist_of_60 / f"worker-{n}" for n in range(3)]
        wait_until(lambda: all(file.exists() and file.read_text() for file in files))
        if ended == "killed":
            run.kill()
        else:
            os.killpg(run.pid, signal.SIGINT)
        _, errors = run.communicate(timeout=20)
    finally:
        run.kill()
    workers = {int(file.read_text()) for file in files}
    assert len(workers) == 2
    wait_until(lambda: not any(map(is_there, workers)))
    kept = (mnist_of_60 / "results/lab-quick/cells.jsonl").read_text()
    assert kept.count("\n") == 1
    assert '"result": {"images": 60, "shape": [60, 2]}' in kept
    if ended == "Ctrl-C":
        assert run.returncode == 130
        assert "lab: stopped; what was measured is kept in results/lab-quick" in errors
        assert "Traceback" not in errors


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
