"""`python -m minidl_lab`: what it writes, says and refuses."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from minidl_lab import bench, command_line, own, workers
from minidl_lab.command_line import main
from minidl_lab.experiments.collapse import Collapse
from minidl_lab.report import page

OWN = """
from minidl import nn, tensor

class Cube(nn.Activation):
    name = "cube_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        return x * x * x

class Nothing:
    pass

class Undefined(nn.Activation):
    name = "undefined_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        return x + (x * 0) ** 0.5  # whose gradient is 0 times infinity

class Failing(nn.Activation):
    name = "failing_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        raise RuntimeError("no formula")

class NoTensor(nn.Activation):
    name = "no_tensor_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        return x.data

class NoGradient(nn.Activation):
    name = "no_gradient_of_the_lab"
    paper = "-"

    @staticmethod
    def formula(x):
        return tensor(x.data)
"""


@pytest.fixture
def here(mnist_of_60, monkeypatch):
    """A folder of its own with data and activations."""
    monkeypatch.chdir(mnist_of_60)
    monkeypatch.syspath_prepend(str(mnist_of_60))
    monkeypatch.delitem(sys.modules, "own_activation", raising=False)
    monkeypatch.setattr(bench, "FASHION", mnist_of_60 / "nowhere")
    (mnist_of_60 / "own_activation.py").write_text(OWN)
    return mnist_of_60


def lab(*words):
    return main(["--data", "mnist", "--quick", *words])


def test_writes_numbers_and_report(here, capsys):
    assert lab("--only", "collapse") == 0
    out, err = capsys.readouterr()
    assert out == (
        "report: results/lab-quick/report.html\nnumbers: results/lab-quick/results.json\n"
    )
    assert err.startswith("[1/1] collapse ")
    results = json.loads((here / "results/lab-quick/results.json").read_text())
    assert list(results["experiments"]) == ["collapse"]
    assert results["scale"]["name"] == "quick"
    assert "Collapse" in (here / "results/lab-quick/report.html").read_text(encoding="utf-8")


def test_ctrl_c_keeps_what_was_measured(here, capsys, monkeypatch):
    measure, done = Collapse.measure, []

    def stopped(self, bench):
        class Display:
            cell_begins = bench.display.cell_begins

            def cell_ends(self, seconds):
                done.append(seconds)
                if len(done) == 2:
                    raise KeyboardInterrupt

        bench.display = Display()
        return measure(self, bench)

    monkeypatch.setattr(Collapse, "measure", stopped)
    assert lab("--only", "collapse") == 130
    assert "kept in results/lab-quick, and the same command goes on" in capsys.readouterr().err
    before = (here / "results/lab-quick/cells.jsonl").read_text().splitlines()
    assert len(before) == 2
    monkeypatch.setattr(Collapse, "measure", measure)
    assert lab("--only", "collapse") == 0
    after = (here / "results/lab-quick/cells.jsonl").read_text().splitlines()
    assert after[:2] == before
    assert len(after) == 15
    assert lab("--only", "collapse", "--fresh") == 0
    anew = (here / "results/lab-quick/cells.jsonl").read_text().splitlines()
    assert len(anew) == 15
    assert anew != after  # the seconds are others


def test_an_own_activation_is_found_in_the_folder_by_an_installed_command(here, monkeypatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(here))])
    assert own.activation("own_activation:Cube") == "cube_of_the_lab"


def test_an_own_activation_joins(here):
    assert own.activation("own_activation:Cube") == "cube_of_the_lab"
    assert own.activation("gelu") == "gelu"


def test_an_activation_that_is_given_twice_joins_once_in_any_order(here):
    twice = ["--activation", "silu", "--activation", "gelu", "--activation", "silu"]
    assert lab("--only", "collapse", *twice) == 0
    assert results_of(here)["added"] == ["gelu", "silu"]


def results_of(here):
    return json.loads((here / "results/lab-quick/results.json").read_text())


def test_only_adds_to_the_results_of_the_folder(here, capsys, monkeypatch):
    """And --fresh drops the chosen experiments' cells alone."""

    class Other(Collapse):
        name = "other"

    both = (Other(), Collapse())
    squares = (float(n * n) for n in count())  # so that no two cells take the same time
    monkeypatch.setattr(workers, "perf_counter", lambda: next(squares))
    monkeypatch.setattr(command_line, "EXPERIMENTS", both)
    for room in (command_line, page):
        monkeypatch.setattr(room, "BY_NAME", {one.name: one for one in both})
    assert lab("--only", "collapse") == 0
    first = results_of(here)["experiments"]["collapse"]
    assert lab("--only", "other") == 0
    assert list(results_of(here)["experiments"]) == ["other", "collapse"]
    assert results_of(here)["experiments"]["collapse"] == first
    cells = here / "results/lab-quick/cells.jsonl"
    before = cells.read_text().splitlines()
    assert lab("--only", "other", "--fresh") == 0
    after = cells.read_text().splitlines()
    assert set(before) & set(after) == set(before[:15])
    assert len(after) == 30

    report = here / "results/lab-quick/report.html"
    kept = [path.read_bytes() for path in (cells, report)]
    assert lab("--only", "other", "--activation", "gelu") == 1
    assert "a run with added ['gelu'], to add to it, got []" in capsys.readouterr().err
    assert [path.read_bytes() for path in (cells, report)] == kept


def test_what_is_done_is_written_when_a_later_experiment_fails(here, monkeypatch):
    class Broken(Collapse):
        name = "broken"

        def judge(self, numbers):
            raise LookupError("a mistake in the rule")

    both = (Collapse(), Broken())
    monkeypatch.setattr(command_line, "EXPERIMENTS", both)
    with pytest.raises(LookupError, match="in the rule"):
        lab()
    assert list(results_of(here)["experiments"]) == ["collapse"]
    assert "Collapse" in (here / "results/lab-quick/report.html").read_text(encoding="utf-8")


def test_a_mistake_in_a_picture_is_raised_as_it_is(here, monkeypatch):
    def charts(self, numbers):
        raise LookupError("a mistake in the picture")

    monkeypatch.setattr(Collapse, "charts", charts)
    with pytest.raises(LookupError, match="in the picture"):
        lab("--only", "collapse")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gleu", "gelu"),
        ("own_activation:Cub", "module:Class"),
        ("no_such_module:Cube", "no_such_module"),
        ("own_activation:Nothing", "subclass of nn.Activation"),
        ("own_activation:Undefined", "got NaN or infinity"),
        ("own_activation:Failing", "RuntimeError: no formula"),
        ("own_activation:NoTensor", "a tensor from the formula, got ndarray"),
        ("own_activation:NoGradient", "got no gradient for the layer before it"),
        ("minidl.nn:Activation", "a subclass of nn.Activation with a name"),
        ("no_syntax:Cube", "SyntaxError"),
        (":Cube", "ValueError"),
        (".own_activation:Cube", "TypeError"),
    ],
)
def test_no_such_activation(here, capsys, name, said):
    (here / "no_syntax.py").write_text("def")
    assert lab("--activation", name) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (here / "results").exists()


def test_no_such_experiment(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--only", "colapse"])
    assert stop.value.code == 2
    assert "collapse" in capsys.readouterr().err


def test_no_such_data(here, capsys):
    assert main(["--data", "nowhere"]) == 1
    assert "nowhere" in capsys.readouterr().err
    assert not (here / "results").exists()


def test_without_matplotlib_it_says_so_before_it_works(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert lab() == 1
    assert "pip install 'minidl[lab]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["results.json", "report.html"])
def test_what_could_not_be_saved_is_told_before_it_works(here, capsys, name):
    folder = here / "results/lab-quick"
    folder.mkdir(parents=True)
    (folder / name).write_text("old")
    (folder / "other").hardlink_to(folder / name)
    assert lab("--only", "collapse", "--fresh") == 1
    assert f"{name}, which has 2 names" in capsys.readouterr().err
    assert not (folder / "cells.jsonl").exists()


def test_the_list_has_every_experiment(capsys):
    assert main(["--list"]) == 0
    assert "collapse " in capsys.readouterr().out


def test_as_a_process(here):
    package = Path(command_line.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "minidl_lab", "--data", "mnist", "--quick", "--only", "collapse"],
        env=os.environ | {"PYTHONPATH": str(package), "GOMP_SPINCOUNT": "0"},
        capture_output=True, text=True, check=False, cwd=here, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("report: results/lab-quick/report.html")
