"""The frame: intervals, the store of cells, the bench, the runner, the progress line."""

import io
import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from lab_planted import TINY

from minidl import DataError, nn
from minidl.engine.tensor import where
from minidl.layers.activations import REGISTRY
from minidl.layers.base import Parameter
from minidl_lab import Bench, Digits, Experiment, Scale, Verdict, runner
from minidl_lab.bench import house
from minidl_lab.experiments import BY_NAME
from minidl_lab.progress import Progress
from minidl_lab.seals import seal_of
from minidl_lab.statistics import bootstrap, mean_interval, ratio_of_medians

ROOT = Path(__file__).parents[2]
CALLS = []


def squares(digits, *, n, seed=0):
    """A cell: notes that it was called."""
    CALLS.append(n)
    return {"square": n * n, "images": len(digits.x)}


def fails(digits, *, n):
    raise RuntimeError("power cut")


class Squares(Experiment):
    name, title, claim, source = "squares", "Squares", "They grow.", "Euclid"
    protocol = rule = "-"
    seconds: ClassVar = {"tiny": 10, "full": 10}
    stop_at = 99

    def measure(self, bench):
        seeds = bench.scale.some(3)
        rows = [bench.cell(fails if n == self.stop_at else squares, n=n) for n in (1, 2, 3)]
        return {"squares": [row["square"] for row in rows], "seeds": seeds}

    def judge(self, numbers):
        grows = numbers["squares"] == sorted(numbers["squares"])
        return Verdict(
            "reproduced" if grows else "not reproduced", "they are what they are", "1, 4, 9."
        )

    def charts(self, numbers):
        return []


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


# --- intervals --------------------------------------------------------------------------------


def test_mean_interval_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    x = np.random.default_rng(0).normal(3, 2, 12)
    low, high = stats.t.interval(0.95, 11, x.mean(), stats.sem(x))
    np.testing.assert_allclose(mean_interval(x), (x.mean(), low, high), rtol=1e-5)


def test_of_many_numbers_the_interval_is_no_narrower_than_the_normal_one():
    x = np.tile([-1.0, 1.0], 50)
    assert mean_interval(x)[2] >= 1.96 * x.std(ddof=1) / 10


def test_bootstrap_covers_the_median():
    """Of 200 intervals for the ratio of two medians about 95 % hold the true ratio, 2."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        a, b = rng.lognormal(np.log(2), 0.3, 15), rng.lognormal(0, 0.3, 15)
        _, low, high = ratio_of_medians(a, b)
        held += low <= 2 <= high
    assert 180 <= held <= 200


def test_bootstrap_draws_each_sample_from_itself():
    value, low, high = bootstrap(lambda a, b: a.mean(-1) - b.mean(-1), [5.0] * 4, [2.0] * 4)
    assert value == low == high == 3.0


def test_a_ratio_of_medians_with_runs_that_never_arrive():
    with np.errstate(invalid="ignore"):
        value, low, _ = ratio_of_medians([4.0, 4.0, np.inf], [2.0, 2.0, 2.0])
    assert (value, low) == (2.0, 2.0)


# --- cells ------------------------------------------------------------------------------------


def test_a_cell_is_measured_once(bench):
    first = bench.cell(squares, n=3)
    assert bench.cell(squares, n=3) == first == {"square": 9, "images": 512}
    assert CALLS == [3]
    bench.cell(squares, n=3, seed=1)
    assert CALLS == [3, 3]


def test_a_cell_of_another_scale_or_experiment_is_another(bench, few_digits):
    bench.cell(squares, n=3)
    for name, scale in (("other", bench.scale), ("tried", bench.scale._replace(name="large"))):
        Bench(name, few_digits, scale, bench.store, bench.display).cell(squares, n=3)
    assert CALLS == [3, 3, 3]


def test_a_cell_is_measured_anew_when_the_code_has_changed(bench, monkeypatch):
    bench.cell(squares, n=3)
    monkeypatch.setattr("minidl_lab.bench.fingerprint", lambda code: "another")
    bench.cell(squares, n=3)
    assert CALLS == [3, 3]


def test_a_cell_is_measured_anew_with_other_data_or_another_minidl(few_digits, bench, monkeypatch):
    bench.cell(squares, n=3)
    for name in Digits._fields:
        array = getattr(few_digits, name).copy()
        array.flat[-1] += 1
        other = few_digits._replace(**{name: array})
        Bench("tried", other, bench.scale, bench.store, bench.display).cell(squares, n=3)
    assert CALLS == [3] * 5
    monkeypatch.setattr("minidl_lab.bench.house", lambda: "another")
    Bench("tried", few_digits, bench.scale, bench.store, bench.display).cell(squares, n=3)
    assert CALLS == [3] * 6


def test_the_house_is_all_code_that_can_change_a_number(tmp_path, monkeypatch):
    files = ["minidl/optim/sgd.py", "minidl_lab/bench.py", "minidl_lab/trainings.py"]
    apart = ["minidl_lab/experiments/dying.py", "minidl_lab/report/page.py"]
    for name in files + apart:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr("minidl_lab.bench.__file__", str(tmp_path / "minidl_lab/bench.py"))
    before = house.__wrapped__()
    for name in apart:
        (tmp_path / name).write_text("# changed")
        assert house.__wrapped__() == before
    for name in files:
        (tmp_path / name).write_text("# changed")
        assert house.__wrapped__() != before, name
        (tmp_path / name).write_text("")
    monkeypatch.setattr("minidl._kernels.level", "another")
    assert house.__wrapped__() != before


def test_a_cell_is_measured_anew_when_the_added_activation_has_changed(
    few_digits, bench, monkeypatch
):
    def named(digits, *, activation):
        CALLS.append(activation)
        return {}

    with_gelu = Bench("tried", few_digits, bench.scale, bench.store, bench.display, ["gelu"])
    prints = {named: "a", nn.GELU: "b"}
    monkeypatch.setattr("minidl_lab.bench.fingerprint", prints.get)
    for print_of_gelu in ("b", "b", "c"):
        prints[nn.GELU] = print_of_gelu
        with_gelu.cell(named, activation="gelu")
        with_gelu.cell(named, activation="relu")
    assert CALLS == ["gelu", "relu", "gelu"]


def test_activations_are_joined_by_the_users(few_digits, bench):
    joined = Bench("tried", few_digits, bench.scale, bench.store, bench.display, ["gelu", "relu"])
    assert joined.activations("relu", "tanh") == ["relu", "tanh", "gelu"]


def test_what_json_cannot_hold_is_not_kept(bench):
    def infinite(digits, *, n):
        return {"y": float("inf")}

    with pytest.raises(DataError, match=r"tried: expected finite numbers of the cell 'infinite: n"):
        bench.cell(infinite, n=7)
    assert bench.store.path.read_text() == ""


# --- the runner -------------------------------------------------------------------------------


WHOLE = TINY._replace(name="full")


def run(bench, digits, experiment, scale=WHOLE, **options):
    return runner.run(
        [experiment], digits, scale, bench.store,
        progress=Progress([experiment], scale, io.StringIO()), **options,
    )  # fmt: skip


def test_results_have_numbers_cells_and_verdict(bench, few_digits, tmp_path):
    results = run(bench, few_digits, Squares())
    found = results["experiments"]["squares"]
    assert found["numbers"] == {"squares": [1, 4, 9], "seeds": [2000, 2001]}
    assert found["verdict"] == {
        "outcome": "reproduced", "words": "they are what they are", "evidence": "1, 4, 9.",
        "effect": "",
    }  # fmt: skip
    assert found["seal"] == seal_of(Squares()) | {"changed": ""}
    assert [cell["arguments"] for cell in found["cells"]] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert results["scale"]["images"] == 512
    assert results["data"] == few_digits.digest()
    path = tmp_path / "results.json"
    runner.save(results, path)
    assert runner.load(path) == results


def test_a_look_has_no_verdict_and_no_seal(bench, few_digits):
    results = run(bench, few_digits, Squares(), TINY)
    found = results["experiments"]["squares"]
    assert found["verdict"] == {
        "outcome": "seen",
        "words": "",
        "evidence": "1, 4, 9.",
        "effect": "",
    }
    assert set(found["seal"].values()) == {""}
    assert len(bench.store.cells) == 3


def test_the_commit_is_that_of_the_repository(tmp_path, monkeypatch):
    git = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True, text=True)
    (tmp_path / "minidl").mkdir()
    monkeypatch.setattr("minidl.__file__", str(tmp_path / "minidl" / "__init__.py"))
    assert runner.commit() == ""
    git(["git", "init", "-q"])
    (tmp_path / "minidl" / "a.py").write_text("")
    git(["git", "add", "."])
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    git(["git", *who, "commit", "-qm", "a"])
    head = git(["git", "rev-parse", "HEAD"]).stdout.strip()
    assert runner.commit() == head
    (tmp_path / "minidl" / "a.py").write_text("b")
    assert runner.commit() == f"{head} and changes"


def test_a_run_that_was_stopped_goes_on(bench, few_digits):
    class Stopped(Squares):
        stop_at = 3

    with pytest.raises(RuntimeError):
        run(bench, few_digits, Stopped())
    assert CALLS == [1, 2]
    run(bench, few_digits, Squares())
    assert CALLS == [1, 2, 3]


def test_a_verdict_in_words():
    assert str(Verdict("true only when", "x > 0", "It is 1.")) == "true only when x > 0. It is 1."
    assert str(Verdict("not reproduced", "x < 0", "Yes.")) == "not reproduced: x < 0. Yes."
    told = Verdict("undecided", "x is near 0", "So.", "It is 0.1.")
    assert str(told) == "It is 0.1. undecided: x is near 0. So."
    assert str(told.without_verdict()) == "It is 0.1. So."


# --- activations of the user ---------------------------------------------------------------------


@pytest.fixture
def added():
    """By a formula, with a slope that is learned, with two inputs for each unit."""
    before = dict(REGISTRY)

    class Bump(nn.Activation):
        name, paper = "own_bump", "-"

        @staticmethod
        def formula(x):
            return x / (1 + x * x)

    class Sloped(nn.Activation):
        name, paper, learned = "own_sloped", "-", ("weight",)

        def __init__(self):
            self.options = self.bind()
            self.weight = Parameter(np.full(1, 0.25, np.float32))

        @staticmethod
        def formula(x, weight):
            return where(x > 0, x, weight * x)

    yield [Bump.name, Sloped.name, "maxout"]
    REGISTRY.clear()
    REGISTRY.update(before)


@pytest.mark.parametrize("experiment", ["dying", "leaky", "tanh-sigmoid"])
def test_every_kind_of_activation_can_be_added(experiment, added, bench, few_digits):
    one = BY_NAME[experiment]
    with_added = Bench(experiment, few_digits, bench.scale, bench.store, bench.display, added)
    numbers = json.loads(json.dumps(one.measure(with_added), allow_nan=False))
    assert one.judge(numbers).words
    assert one.charts(numbers)
    seen = str([cell.arguments for cell in with_added.measured])
    assert all(name in seen for name in added)


# --- the time left ----------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_time_left_follows_the_pace():
    class Second(Squares):
        name = "second"
        seconds: ClassVar = {"tiny": 30}

    scale = Scale("tiny", 1, 1, 1, 1, 1.0)
    progress = Progress([Squares(), Second()], scale, io.StringIO())
    assert progress.left() == 40
    progress.experiment_begins(Squares())
    progress.cell_ends(4.0)
    assert progress.left() == 36
    progress.cell_ends(16.0)
    progress.experiment_ends("done")
    assert progress.left() == 60  # twice as slow as said
    progress.experiment_begins(Second())
    progress.cell_ends(1000.0)
    assert progress.left() == 0


def test_the_line_is_written_over_on_a_terminal_alone():
    scale = Scale("tiny", 1, 1, 1, 1, 1.0)
    for file in (Terminal(), io.StringIO()):
        progress = Progress([Squares()], scale, file)
        progress.experiment_begins(Squares())
        progress.cell_begins("squares: n 3")
        progress.cell_ends(2.0)
        progress.experiment_ends(Verdict("reproduced", "yes", "3."))
        text = file.getvalue()
        assert ("\r" in text) == ("squares: n 3" in text) == file.isatty()
        assert text.endswith("[1/1] squares 2 s  reproduced: yes. 3.\n")


def test_off_a_terminal_whole_lines_tell_at_most_once_a_minute(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("minidl_lab.progress.monotonic", lambda: now[0])
    file = io.StringIO()
    progress = Progress([Squares()], Scale("full", 1, 1, 1, 1, 1.0), file)
    progress.left = lambda: 200.0
    progress.experiment_begins(Squares())
    for _ in range(9):
        now[0] += 15
        progress.cell_begins("squares: n 3")
        progress.cell_ends(15.0)
    progress.experiment_ends(Verdict("reproduced", "yes", "3."))
    assert file.getvalue() == (
        "[1/1] squares begins\n"
        "[1/1] squares: 4 cells, 1:00 elapsed, 3:20 left\n"
        "[1/1] squares: 8 cells, 2:00 elapsed, 3:20 left\n"
        "[1/1] squares 135 s  reproduced: yes. 3.\n"
    )


def test_the_line_is_as_wide_as_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    file = Terminal()
    progress = Progress([Squares()], Scale("tiny", 1, 1, 1, 1, 1.0), file)
    progress.experiment_begins(Squares())
    progress.cell_begins("x" * 200)
    assert len(file.getvalue().split("\r\033[K")[-1]) == 39


def test_make_clean_leaves_what_took_hours(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "minidl").mkdir()
    kept = ["lab/cells.jsonl", "lab-quick/cells.jsonl", "papers/maxout/results.json"]
    for name in [*kept, "relu/history.json", "table.md"]:
        (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / name).write_text("")
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    left = {path.relative_to(tmp_path / "results").as_posix()
            for path in (tmp_path / "results").rglob("*") if path.is_file()}  # fmt: skip
    assert left == set(kept)


def test_scales_have_disjoint_seeds():
    scale = Scale("any", 1, 1, 20, 20, 1.0)
    assert not set(scale.some(20)) & set(scale.for_tuning(20))


def test_json_of_results_has_no_nan(bench, few_digits):
    class Undefined(Squares):
        def measure(self, bench):
            return {"squares": [float("nan")]}

    with pytest.raises(ValueError, match="JSON"):
        run(bench, few_digits, Undefined())
