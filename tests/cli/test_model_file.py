"""Model files: they come back as they were, and one that lies is refused before it costs."""

import copy
import os
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from support import changed, places

from minidl.checkpoint import read, write
from minidl.cli import model_file
from minidl.cli.command_line import main
from minidl.errors import CheckpointError

MEGABYTE = 1 << 20


def test_a_model_comes_back_as_it_was(iris, tmp_path):
    model = model_file.load(iris)
    other = Path(tmp_path, "other.st")
    model_file.save(model, other)
    assert other.read_bytes() == iris.read_bytes()
    assert model.encoder.columns == ["sepal", "width", "petal"]
    assert model.encoder.classes == ["setosa", "versicolor", "virginica"]
    assert (model.plan.sizes, model.plan.activation) == ([3, 8, 3], "prelu")


HUGE = 10**12


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model", 3),
        ("model", "1"),
        ("minidl", 3),
        ("net", []),
        ("net.sizes", [3]),
        ("net.sizes", [3, 8, 4]),
        ("net.sizes", [4, 8, 3]),
        ("net.sizes", [3, 0, 3]),
        ("net.sizes", [3, "8", 3]),
        ("net.sizes", [3, 8.0, 3]),
        ("net.sizes", [3, HUGE, 3]),
        ("net.sizes", [3, *[1] * 30_000, 3]),
        ("net.activation", "nope"),
        ("net.activation", "relu"),
        ("net.activation", "__init__"),
        ("net.options", {"units": HUGE}),
        ("net.options", {"units": 2}),
        ("net.options", {"init": "x"}),
        ("net.options", {"init": float("nan")}),
        ("net.options", {"pieces": 2}),
        ("net.dropout", 1.0),
        ("net.dropout", "0"),
        ("net.batch_norm", True),
        ("net.batch_norm", 0),
        ("net.tables", [[HUGE, 2]]),
        ("net.tables", [[3, HUGE]] * 3),
        ("net.tables", [[3, 2.0]]),
        ("net.tables", {}),
        ("data.embedded", ["sepal"]),
        ("data.embedded", [[]]),
        ("data.embedded", None),
        ("data.columns", ["a", "b"]),
        ("data.columns", ["a", "a", "b"]),
        ("data.columns", ["a", "b", 3]),
        ("data.columns", "abc"),
        ("data.width", HUGE),
        ("data.kinds", {"sepal": ["date", "year"]}),
        ("data.kinds", {"other": ["true/false", ""]}),
        ("data.with_missing", [3]),
        ("data.with_missing", [1, 0]),
        (
            "data.categories",
            {"a": {"names": ["x"], "most_frequent": 1, "has_others": True, "has_missing": False}},
        ),
        (
            "data.categories",
            {"a": {"names": ["x"], "most_frequent": 0, "has_others": True, "has_missing": False}},
        ),
        ("data.is_scaled", 1),
        ("understood", ["lines"]),
        ("data.is_pixels", 1),
        ("data.target", None),
        ("data.classes", ["a", "b"]),
        ("data.classes", ["a", "b", "a"]),
        ("data.classes", None),
        ("training", {"epochs": [1]}),
        ("training", None),
    ],
)
def test_a_file_that_lies_is_refused_and_takes_little_memory(iris, place, value):
    arrays, state = read(iris)
    state = copy.deepcopy(state)
    *outer, name = place.split(".")
    target = state
    for step in outer:
        target = target[step]
    target[name] = value
    write(iris, arrays, state)
    size = iris.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match=str(iris)) as refusal:
            model_file.load(iris)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(refusal.value)) < 2000
    assert peak < MEGABYTE + 40 * size


VALUES = ["x", None, True, [], {}, [1], {"a": 1}, -1, 0, 0.5, 2**64, 10**300, float("nan")]


def test_any_other_value_is_refused_or_can_be_used(iris, monkeypatch, capsys):
    """Each value in the file in turn; one that is only told to people may be another."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    arrays, state = read(iris)
    rng, codes = random.Random(0), set()
    for place in places(state):
        for value in rng.sample(VALUES, 3):
            write(iris, arrays, changed(state, place, value))
            code = main(["summary", str(iris)])
            assert capsys.readouterr().err.count("\n") == code, (place, value)  # a line or none
            codes.add(code)
    assert codes == {0, 1}


@pytest.mark.parametrize("missing", ["model", "net", "data", "training", "minidl"])
def test_a_part_that_is_missing(iris, missing):
    arrays, state = read(iris)
    del state[missing]
    write(iris, arrays, state)
    with pytest.raises(CheckpointError, match="expected a file from train --save"):
        model_file.load(iris)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("inputs_scale:mean", None),
        ("inputs_scale:sd", np.ones(2)),
        ("inputs_scale:sd", np.ones(3, np.float32)),
        ("target_scale:mean", np.ones(1)),
        ("0.weight", None),
        ("0.weight", np.ones((8, 3), np.float32)),
        ("0.weight", np.ones((3, 8), np.int64)),
        ("0.bias", np.ones(9, np.float32)),
        ("other", np.ones(1)),
    ],
)
def test_arrays_that_do_not_fit(iris, name, array):
    arrays, state = read(iris)
    arrays.pop(name, None)
    if array is not None:
        arrays[name] = array
    write(iris, arrays, state)
    with pytest.raises(CheckpointError, match=str(iris)):
        model_file.load(iris)


def test_another_safetensors_file(tmp_path):
    write(tmp_path / "a.st", {"0.weight": np.ones((2, 2))})
    with pytest.raises(CheckpointError, match="expected a file from train --save"):
        model_file.load(tmp_path / "a.st")
