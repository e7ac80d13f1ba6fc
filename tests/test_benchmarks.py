"""The benchmark's arithmetic, its verdicts, its tables and its turns; no time is asserted."""

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import picture
import pytest
import report
from nets import PAPERS, first_weights, flops_per_sample, shuffled
from outcome import DisagreementError, Outcome, Spread, Target, check_agreement, ratios
from peers import changes, minidl_papers, programs
from peers.minidl_peer import Epoch, Programs, Step, minidl_epoch, written_out_epoch
from peers.timing import seconds_per_call
from rows import targets
from rows.eager import geometric_mean
from rows.process import thread_counts
from rows.row import Row
from turns import Contender, ContenderError, Field, environment

from minidl import data, nn, optim


@pytest.mark.parametrize(
    ("sizes", "pieces", "flops"),
    [
        # Two products of 784 · 128 (no dX), three of 128 · 10, each two operations an entry.
        ([784, 128, 10], 1, 2 * (2 * 100_352 + 3 * 1_280)),
        ([784, 512, 256, 10], 1, 2 * (2 * 401_408 + 3 * 131_072 + 3 * 2_560)),
        # Before maxout five times the units; after it as many inputs as without.
        ([784, 128, 10], 5, 2 * (2 * 501_760 + 3 * 1_280)),
        ([3, 2], 5, 2 * 2 * 6),
    ],
)
def test_operations_of_a_net(sizes, pieces, flops):
    assert flops_per_sample(sizes, pieces) == flops


def test_operations_of_a_net_are_those_of_its_layers():
    net = nn.MLP([7, 5, 3, 2], "maxout", pieces=4)
    first, *others = (layer.weight.size for layer in net if isinstance(layer, nn.Dense))
    assert flops_per_sample([7, 5, 3, 2], 4) == 4 * first + 6 * sum(others)


def test_all_see_the_batches_that_minidl_sees():
    x = np.arange(10, dtype=np.float32)[:, None]
    own = data.batches(x, x, 3, shuffle=True, seed=5, drop_last=True)
    rows = [inputs.numpy()[:, 0].tolist() for inputs, _ in own]
    assert shuffled(10, 3, seed=5).tolist() == rows


def test_spread_and_ratios():
    assert Spread.of([3, 1, 2, 10]) == Spread(2.5, 1, 10)
    # The ratio of each round, not that of the medians, which is 1.
    assert ratios([1, 4, 9], own=[4, 2, 3]) == Spread(2, 0.25, 3)
    with pytest.raises(ValueError, match="zip"):
        ratios([1, 2], [1])


@pytest.mark.parametrize(
    ("target", "median", "met"),
    [
        (Target("≥", 1), 1.0, True),
        (Target("≥", 1), 0.999, False),
        (Target("≤", 1.5), 1.5, True),
        (Target("≤", 1.5), 1.501, False),
        (Target("≥", 1), math.nan, False),
        (None, 0.1, None),
    ],
)
def test_verdict_is_on_the_median(target, median, met):
    assert Outcome("row", "what", Spread(median, 0.0, 9.0), "×", target).met is met


def test_agreement():
    values = {"minidl": 0.2, "close": 0.2019, "shuffles": 0.21}
    check_agreement("loss", values, {"shuffles": 0.1}, 0.01)
    with pytest.raises(DisagreementError, match=r"shuffles 0\.21, more than 1\.00% off"):
        check_agreement("loss", values, {}, 0.01)
    with pytest.raises(DisagreementError, match="nan"):
        check_agreement("loss", {"minidl": 0.2, "broken": math.nan}, {}, 0.01)


PLANTED = [
    Outcome("fast", "A / minidl", Spread(2.0, 1.5, 2.5), "×", Target("≥", 1), "2 s"),
    Outcome("fast", "B / minidl", Spread(0.5, 0.4, 1.1), "×", Target("≥", 1)),
    Outcome("fast", "f", Spread(0.25, 0.25, 0.25), ""),
    Outcome("light", "growth", Spread(0.0, 0.0, 0.0), "MB", Target("≤", 1)),
]
ROWS = [Row("fast", "Fast", "How fast.", None), Row("light", "Light", "How light.", None)]
FACTS = {
    "machine": {"processor": "P", "cores": 2, "date": "2026-01-01", "python": "3"},
    "versions": {"numpy": "2"},
    "missing": {"JAX": "jax"},
    "settings": {"threads": 2, "rounds": 3},
    "peaks": {kind: {"1": Spread(5e9, 4e9, 6e9)} for kind in ("flops", "bytes")},
}


def cells(text):
    """The cells of a Markdown table's lines, without the heading's two."""
    return [[c.strip() for c in line[1:-1].split("|")] for line in text.splitlines()[2:]]


def test_a_table_shows_wins_and_losses():
    text = report.table(report.HEADER, map(report.line, PLANTED))
    assert len({len(line) for line in text.splitlines()}) == 1, "the columns are aligned"
    assert cells(text) == [
        ["A / minidl", "2 ×", "1.5 to 2.5", "≥ 1", "yes", "2 s"],
        ["B / minidl", "0.5 ×", "0.4 to 1.1", "≥ 1", "NO", ""],
        ["f", "0.25", "", "", "", ""],
        ["growth", "0 MB", "", "≤ 1", "yes", ""],
    ]


def test_the_summary_counts_targets_and_names_the_least():
    assert cells(report.summary(ROWS, PLANTED)) == [
        ["Fast", "1 of 2", "B / minidl: 0.5 ×, target ≥ 1"],
        ["Light", "1 of 1", "growth: 0 MB, target ≤ 1"],
    ]


def test_the_whole_report():
    text = report.markdown(ROWS, PLANTED, FACTS)
    assert report.summary(ROWS, PLANTED) in text
    assert "on 1 thread 5 (4 to 6) GFLOP/s and 5 (4 to 6) GB/s" in text
    assert "left out: JAX" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Fast", "## Light"]
    turns = [{"row": "fast", "answers": {"minidl": 1}}, {"row": "light", "answers": {}}]
    numbers = json.loads(report.as_json(PLANTED, FACTS, [{"flops": {"1": 5e9}}], turns))
    assert numbers["turns"] == turns
    assert numbers["peaks"]["flops"]["1"] == {"median": 5e9, "low": 4e9, "high": 6e9}
    assert [outcome["met"] for outcome in numbers["outcomes"]] == [True, False, None, True]


def test_what_came_out_is_read_from_the_numbers(tmp_path):
    (tmp_path / "results.json").write_text(report.as_json(PLANTED, FACTS, [], []))
    assert report.read(tmp_path / "results.json") == PLANTED


def test_pictures_are_drawn_of_the_rows_that_are_there(tmp_path):
    faster = [Outcome(name, "NumPy / minidl", Spread(2, 1, 3), "×", Target("≥", 1))
              for name in ("step", "products")]  # fmt: skip
    rows = [Row(name, name, "", None) for name in ("step", "products")]
    picture.draw(rows, faster[:1], tmp_path / "one.png")
    picture.draw(rows, faster, tmp_path / "both.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "both-parts.png", "both.png", "one.png",
    ]  # fmt: skip


def test_thread_counts():
    assert [thread_counts(n) for n in (1, 2, 3, 8, 12)] == [
        [], [2], [2, 3], [2, 4, 8], [2, 4, 8, 12],
    ]  # fmt: skip


def test_environment(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    one, four = environment(1), environment(4)
    assert not {"OPENBLAS_CORETYPE", "PYTHONDONTWRITEBYTECODE"} & one.keys()
    assert (one["OMP_NUM_THREADS"], four["OPENBLAS_NUM_THREADS"]) == ("1", "4")


def test_contenders_take_turns_in_processes_of_their_own():
    contenders = {
        "json": Contender("peers.imports:Import", {"module": "json"}, 1),
        "absent": Contender("peers.absent:Import", {}, 1),
    }
    field = Field(contenders)
    try:
        assert field.missing == {"absent": "peers.absent"}
        answers = field.turns()
        assert list(answers) == ["json"]
        assert answers["json"]["seconds"] >= 0
        with pytest.raises(ContenderError, match="unexpected keyword"):
            field.turns(nonsense=1)
    finally:
        field.close()


def test_the_beginner_changes():
    field = Field({})
    order = []

    class Worker:
        def __init__(self, label):
            self.label = label

        def turn(self):
            order.append(self.label)
            return self.label.upper()

    field.workers = {label: Worker(label) for label in "abc"}
    assert [field.turns() for _ in range(4)] == [{"a": "A", "b": "B", "c": "C"}] * 4
    assert "".join(order) == "abcbcacababc"


def test_an_expression_is_timed_with_its_names():
    calls = []
    assert seconds_per_call("calls.append(x)", 0.001, {"calls": calls, "x": 1}) > 0
    assert set(calls) == {1}
    assert seconds_per_call(lambda: calls.append(2), 0.001) > 0
    assert 2 in calls


def test_the_geometric_mean_is_taken_round_by_round():
    times = [{"minidl": [1, 9], "PyTorch": [2, 2]}, {"minidl": [4, 1], "PyTorch": [8, 2]}]
    means = geometric_mean(times)
    assert means["minidl"] == pytest.approx([2, 3])
    assert means["PyTorch"] == pytest.approx([4, 2])


def mean_of(program, **options):
    """The mean of each expression's absolute values."""
    return {text: part["value"] for text, part in Programs().turn(program, 0, **options).items()}


def test_the_operations_are_what_they_say():
    """By NumPy in float64."""
    found = mean_of("operations", size=5)
    a, b = (np.float64(tensor.numpy()) for tensor in Programs().tensors((5, 5), (5, 5)))
    by_numpy = {"relu": lambda x: np.maximum(x, 0), "max": np.max, "T": np.transpose}
    for text in programs.OPERATIONS:
        called = re.fullmatch(r"(?:a|F)\.(\w+)(?:\(a?\))?", text)
        if called:
            name = called[1]
            expected = by_numpy.get(name, getattr(np, name, None))(a)
        else:
            expected = eval(text, {"a": a, "b": b})
        assert found[text] == pytest.approx(np.abs(expected).mean(), rel=1e-6), text


def test_the_programs_gradients():
    """By hand: of a sum, and by central differences in float64."""
    assert mean_of("views") == {"views()": 1.0}

    a, b, c = (np.float64(tensor.numpy()) for tensor in Programs().tensors(*3 * [(3, 3)]))

    def loss(a):
        return ((np.tanh(np.maximum(a @ b + c, 0) * a) - b) ** 2).mean()

    steps = 1e-6 * np.eye(9).reshape(9, 3, 3)
    slopes = [(loss(a + step) - loss(a - step)) / 2e-6 for step in steps]
    assert mean_of("graph", size=3)["graph()"] == pytest.approx(np.abs(slopes).mean(), rel=1e-4)


def test_a_step_written_out_is_the_step():
    losses = [Step([3, 8, 2], 16, written_out=out).turn(20, 0)["loss"] for out in (False, True)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("spread", "colour"),
    [
        ((1.4, 1.1, 2), picture.FASTER),
        ((1.4, 0.9, 2), picture.EITHER),
        ((0.9, 0.5, 1.1), picture.EITHER),
        ((0.7, 0.5, 0.9), picture.SLOWER),
    ],
)
def test_a_win_has_the_colour_of_wins(spread, colour):
    assert picture.colour_of(Spread(*spread)) == colour


@pytest.fixture
def digits(tmp_path):
    """A file of 200 images like the benchmark's."""
    rng = np.random.default_rng(0)
    file = tmp_path / "digits.npz"
    np.savez(file, x=rng.integers(0, 256, (200, 12), np.uint8), y=rng.integers(0, 10, 200))
    return file


def test_an_epoch_starts_from_the_shared_weights_every_time(digits):
    contender = Epoch([12, 8, 10], 16, str(digits), samples=200)
    for start, shared in zip(contender.start.values(), first_weights([12, 8, 10]), strict=True):
        np.testing.assert_array_equal(start, shared)
    first, second, other = (contender.turn(seed)["loss"] for seed in (3, 3, 4))
    assert first == second
    assert first != other


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, 0.1, momentum=0.9), optim.Adam])
def test_minidls_fastest_epoch_is_the_one_written_out(digits, make):
    with np.load(digits) as arrays:
        x, y = arrays["x"], arrays["y"]
    results = []
    for epoch in (minidl_epoch, written_out_epoch):
        net = nn.MLP([12, 8, 10], "relu")
        net.load_state_dict(dict(zip(net.state_dict(), first_weights([12, 8, 10]), strict=True)))
        loss = epoch(net, make(net.parameters()), x, y, 16, seed=1)
        results.append((loss, net.state_dict()))
    (loss, state), (written_out_loss, written_out_state) = results
    assert loss == pytest.approx(written_out_loss, rel=1e-5)
    for name, values in state.items():
        np.testing.assert_allclose(values, written_out_state[name], rtol=1e-4, atol=1e-5)


def test_each_change_trains():
    for change in (changes.PLAIN, *changes.CHANGES):
        losses = changes.epoch_of(change, [12, 8, 3], batch=16, rows=64)()
        assert losses.shape == (4,)
        assert np.isfinite(losses).all()


@pytest.mark.parametrize(("name", "setup", "ways"), [
    ("Wide", {"sizes": [5, 40], "batch": 8}, {"step", "loop"}),
    ("SmallFit", {"epochs": 2}, set(targets.SMALL_FIT) | {"step.epoch"}),
])  # fmt: skip
def test_ways_take_turns(name, setup, ways):
    took = getattr(changes, name)(**setup).turn(budget=0.01)
    assert set(took) == ways
    assert min(took.values()) > 0


@pytest.mark.parametrize("paper", PAPERS)
def test_a_papers_net_trains(paper, digits):
    """The nets are those of examples/papers; their parameters come as `first_weights` has them."""
    with np.load(digits) as arrays:
        x, y = np.resize(arrays["x"], (200, 784)), arrays["y"]
    np.savez(digits, x=x, y=y)
    contender = minidl_papers.Epoch(paper, str(digits), samples=200)
    assert contender.turn(seed=0)["loss"] == contender.turn(seed=0)["loss"] > 0


def test_the_cost_of_diagnostics(tmp_path):
    """In a process of its own: it declares an activation."""
    program = Path(__file__).parents[1] / "benchmarks/diagnostics_cost.py"
    command = [sys.executable, program, "--rounds", "1", "--images", "640"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    rows = done.stdout.splitlines()[2:]
    assert len(rows) == 7
    assert all(re.fullmatch(r"\| .* \| [\d.]+ \| [+-][\d.]+% \(.*%\) \|", row) for row in rows)
