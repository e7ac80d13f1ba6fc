"""`History.from_json` and `Report.from_json`: a text from to_json(), or a DataError."""

import json

import pytest
from support import changed, places

from minidl import DataError
from minidl.diagnostics import Report
from minidl.train import History

HISTORY = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}], [0.1, 0.2], "late")
REPORT = Report([{"1": {"kind": "ReLU()", "mean": 0.5, "dead": 0.38}, "2": {"gradient": 1.0}}])
OTHERS = ["x", None, True, [], {}, [1], {"a": 1}, -1, 0, 1e300, 2**1023, float("nan")]


@pytest.mark.parametrize("kept", [HISTORY, REPORT], ids=["History", "Report"])
@pytest.mark.parametrize(
    "number", ["1e999", "-1e999", "9" * 400, "9" * 5000, "[" * 200 + "]" * 200, "[" * 100_000, "1,"]
)
def test_numbers_that_to_json_never_writes(kept, number):
    text = kept.to_json()
    assert "0.5" in text
    with pytest.raises(DataError, match=rf"{type(kept).__name__}.from_json: expected a text"):
        type(kept).from_json(text.replace("0.5", number))


@pytest.mark.parametrize("kind", [History, Report])
@pytest.mark.parametrize("text", ["", "[]", "{}", "null", None, 3, b"\xff", '{"rows": 3}'])
def test_what_is_no_such_text(kind, text):
    with pytest.raises(DataError, match="from_json"):
        kind.from_json(text)


@pytest.mark.parametrize("kept", [HISTORY, REPORT], ids=["History", "Report"])
def test_any_other_value_is_refused_or_can_be_used(kept):
    """Each value in turn is made each other: what is taken shows itself, and comes back."""
    kind, text = type(kept), kept.to_json()
    outcomes = set()
    for place in places(json.loads(text)):
        for other in OTHERS:
            try:
                found = kind.from_json(json.dumps(changed(json.loads(text), place, other)))
            except DataError:
                outcomes.add("refused")
                continue
            outcomes.add("taken")
            assert kind.from_json(found.to_json()).to_json() == found.to_json()
            assert repr(found)
            if kind is Report:
                found.verdicts()
    assert outcomes == {"refused", "taken"}
