"""Strict JSON: what Python wrote comes back, all else is a ValueError that says why."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.tools.strict_json import DEPTH, parse, wrong

numbers = st.integers(-(2**1023), 2**1023) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_python_wrote(value):
    assert repr(parse(json.dumps(value))) == repr(value)


@settings(max_examples=500)
@given(
    values,
    st.integers(0),
    st.integers(0, 3),
    st.sampled_from(["", "9" * 400, "[" * 500, "NaN", '"', "e", "-", "{", "\0"]),
)
def test_changed_text(value, at, removed, added):
    """Whatever is read is what a strict reader may read: it can be written as plain JSON again."""
    text = json.dumps(value)
    at %= len(text) + 1
    try:
        found = parse(text[:at] + added + text[at + removed :])
    except ValueError:
        return
    assert repr(parse(json.dumps(found, allow_nan=False))) == repr(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expecting value"),
        ("1 2", "Extra data"),
        ("NaN", "NaN, which is not a number"),
        ("[-Infinity]", "-Infinity, which is not a number"),
        ("[-1e309]", "-1e309, which is more than a float can hold"),
        ("1" * 400, "1{20}, which is more than a float"),
        ("1" * 5000, "1{20}, which is more than a float"),
        (f"-{2**1024}", "more than a float"),
        ('{"a": 1, "b": 2, "a": 1}', "'a' occurs twice"),
        ("[" * (DEPTH + 1) + "]" * (DEPTH + 1), f"more than {DEPTH} levels"),
        ('{"a":' * (DEPTH + 1) + "1" + "}" * (DEPTH + 1), f"more than {DEPTH} levels"),
        ("[" * 100_000 + "]" * 100_000, f"more than {DEPTH} levels"),
        ("[" * 100_000, f"more than {DEPTH} levels"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(ValueError, match=words):
        parse(text)


def test_as_much_as_is_allowed():
    parse("[" * DEPTH + "]" * DEPTH)
    assert parse(str(2**1023)) == 2**1023
    nan, infinity = parse("[NaN, -Infinity]", is_finite=False)
    assert math.isnan(nan)
    assert infinity == -math.inf
    with pytest.raises(ValueError, match="1e999"):
        parse("1e999", is_finite=False)


@pytest.mark.parametrize(
    ("value", "shape", "words"),
    [
        (1, float, ""),
        (1.0, int, "it = 1.0"),
        (True, int, "it = True"),
        (True, float, "it = True"),
        (None, str | None, ""),
        (3, str | None, "it = 3"),
        ([1, "a"], list, ""),
        ([1, "a"], [float], "it[1] = 'a'"),
        ({}, [float], "it = {}"),
        ({"a": {"b": 1}}, {"a": {"b": str}}, "it['a']['b'] = 1"),
        ({"a": 1, "c": 2}, {"a": int}, ""),
        ({"b": 1}, {"a": int}, "it without 'a'"),
        ({"a": 1, "b": "x"}, {...: int}, "it['b'] = 'x'"),
        ([], {...: int}, "it = []"),
        (["x" * 999], [int], "it[0] = '" + "x" * 91),
    ],
)
def test_shapes(value, shape, words):
    assert wrong(value, shape, "it") == words
