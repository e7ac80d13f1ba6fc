"""`results.json` that others have changed: a report is made of it, or it is a DataError."""

import json
import random

import pytest
from lab_docs import lab
from support import changed, places

from minidl import DataError
from minidl_lab import FULL, runner
from minidl_lab.report import page

HOSTILE = ["x", None, True, [], {}, [1], [[]], {"a": 1}, -1, 0, 1e300, 10**300]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "\0", '{"experiments": {"a": {"numbers": {}}}}', "1" * 5000, "[" * 100_000,
        *[
            json.dumps(runner.begin(FULL)).replace('"images": ', '"images": ' + value)
            for value in ["NaN, ", "1e999, ", "1" * 400, "[" * 200 + "]" * 200 + ", "]
        ],
    ],
)  # fmt: skip
def test_what_are_no_results(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"results of a laboratory.*Try: to delete it"):
        runner.load(path)


def drawn():
    """Experiments, places in their numbers and what stands there."""
    rng = random.Random(0)
    experiments = {name: lab()["experiments"][name] for name in ("leaky", "maxout", "one-neuron")}
    for _ in range(24):
        name = rng.choice([*experiments])
        inner = [place for place in places(experiments[name]["numbers"]) if len(place) < 4]
        yield name, rng.choice(inner), rng.choice(HOSTILE)
    yield "one-neuron", ("errors", "logistic", "2-3"), [[]]


@pytest.mark.filterwarnings("ignore")  # of matplotlib and NumPy, of what is huge or not there
def test_numbers_of_which_no_report_can_be_made():
    results, outcomes = lab(), set()
    for name, place, value in drawn():
        found = changed(results["experiments"][name], ("numbers", *place), value)
        try:
            page.page(results | {"experiments": {name: found}})
            outcomes.add("drawn")
        except DataError as error:
            outcomes.add(f"'{name}'" in str(error) and "refused")
    assert outcomes == {"refused", "drawn"}
