"""Seals: what changes a fingerprint, and what is refused when one has changed."""

import sys
from types import ModuleType

import pytest

from minidl import ArgumentError
from minidl_lab import seals
from minidl_lab.experiments import EXPERIMENTS
from minidl_lab.seals import seal, seal_of
from minidl_lab.store import Store

CODE = '''
from minidl_lab.experiment import Experiment, Verdict
from minidl_lab.words import percent

LIMITS = {"a": 0.5}
RATE = 0.1

class Planted(Experiment):
    """A claim."""
    name, title, claim, source, protocol, rule = "planted", "", "", "", "protocol", "rule"
    tried = {"margin": (0.1,)}

    def measure(self, bench):
        return {"x": [bench.cell(learn, seed=seed) for seed in bench.scale.some(3)]}

    def judge(self, numbers, margin=0.05):
        """By the rule."""
        holds = [is_so(x) for x in numbers["x"]]
        return Verdict("reproduced" if all(holds) else "undecided", percent(1), "")

    def charts(self, numbers):
        return []

def learn(digits, *, seed):
    """Learns."""
    return {"x": RATE * inner(seed)}

def inner(seed):
    return seed

def is_so(x):
    """Whether it is."""
    return x > LIMITS["a"]
'''


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """The experiment, with something replaced in its source."""

    def make(old="", new=""):
        assert old in CODE
        module = ModuleType("minidl_lab.planted")
        path = tmp_path / f"planted{len([*tmp_path.iterdir()])}.py"
        path.write_text(CODE.replace(old, new, 1) if old else CODE)
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(path.read_text(), path, "exec"), vars(module))
        return module.Planted()

    return make


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ('"rule"\n', '"another"\n', {"rule"}),
        ('"protocol", ', '"another", ', {"protocol"}),
        ("(0.1,)", "(0.2,)", {"rule"}),
        ("margin=0.05", "margin=0.06", {"rule"}),
        ("x > LIMITS", "x >= LIMITS", {"rule"}),
        ('{"a": 0.5}', '{"a": 0.6}', {"rule"}),
        ("RATE = 0.1", "RATE = 0.2", {"protocol"}),
        ("return seed\n", "return -seed\n", {"protocol"}),
        ("some(3)", "some(4)", {"protocol"}),
        ('"""By the rule."""', '"""By another."""', set()),
        ('"""Learns."""', '"""Learns it."""', set()),
        ("return []", "return [1]", set()),
        ('"""A claim."""', '"""Another."""', set()),
    ],
)
def test_what_changes_a_fingerprint(planted, old, new, changed):
    before, after = seal_of(planted()), seal_of(planted(old, new))
    assert {name for name in before if before[name] != after[name]} == changed


def test_other_seeds_are_another_protocol(planted, monkeypatch):
    before = seal_of(planted())
    monkeypatch.setattr(seals, "REPORTED", 3000)
    after = seal_of(planted())
    assert (before["rule"] == after["rule"], before["protocol"] == after["protocol"]) == (1, 0)


def test_rules_and_protocols_of_the_laboratory_are_all_different_and_stay_the_same():
    found = [seal_of(one) for one in EXPERIMENTS]
    assert len({value for one in found for value in one.values()}) == 2 * len(EXPERIMENTS)
    assert found == [seal_of(one) for one in EXPERIMENTS]


def test_a_rule_that_was_changed_after_its_data_were_seen_is_refused(planted, tmp_path):
    store = Store(tmp_path / "store")
    first = seal(planted(), store, "data")
    assert first == seal_of(planted()) | {"changed": ""}
    other = planted("x > LIMITS", "x < LIMITS")
    assert seal(other, store, "data") == seal_of(other) | {"changed": ""}  # no data were seen
    assert seal(planted(), store, "data") == first
    store.add(["planted"], "learn", {}, 1.0, {})
    with pytest.raises(ArgumentError, match=r"the rule of 'planted' as it was.*--changed WHY"):
        seal(other, store, "data")
    assert seal(other, store, "data", "a sign was wrong")["changed"] == "a sign was wrong"
    assert seal(other, store, "other data")["changed"] == ""
    assert seal(planted(), store, "data", "needless")["changed"] == ""
    store.close()
    again = Store(tmp_path / "store")
    with pytest.raises(ArgumentError, match="the rule of 'planted'"):
        seal(other, again, "data")
    again.close()
