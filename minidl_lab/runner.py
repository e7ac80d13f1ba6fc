"""Runs experiments, and keeps the results: `results.json` has every number, seed and version."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl import _kernels
from minidl.errors import ArgumentError, DataError, explain
from minidl.tools import disk, strict_json

from .bench import Bench, Digits
from .experiment import Experiment
from .progress import Progress
from .results import SHAPE
from .scale import Scale
from .store import Store


def run(
    experiments: Sequence[Experiment], digits: Digits, scale: Scale, store: Store,
    extra: Sequence[str] = (), progress: Progress | None = None,
    results: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Runs the experiments one after the other; returns the results in the form of `results.json`.
    Given `results`, it adds each experiment to them as soon as it ends."""
    progress = progress or Progress(experiments, scale)
    results = begin(scale, extra) if results is None else results
    for experiment in experiments:
        progress.experiment_begins(experiment)
        bench = Bench(experiment.name, digits, scale, store, progress, extra)
        numbers = json.loads(json.dumps(experiment.measure(bench), allow_nan=False))
        verdict = experiment.judge(numbers)
        results["experiments"][experiment.name] = {
            "verdict": verdict._asdict(),
            "numbers": numbers,
            "seconds": round(sum(cell.seconds for cell in bench.cells), 2),
            "cells": [cell._asdict() for cell in bench.cells],
        }
        progress.experiment_ends(verdict)
    return results


def begin(scale: Scale, extra: Sequence[str] = ()) -> dict[str, Any]:
    """Results without any experiment."""
    return {**surroundings(), "scale": scale._asdict(), "added": [*extra], "experiments": {}}


SAME = ("minidl", "scale", "added")  # must agree in results that share a file


def keep(results: dict[str, Any], path: Path, replaced: Sequence[str]) -> None:
    """Takes over the experiments from an earlier run's file, if there is one. ArgumentError if the
    file has other experiments than those that are replaced, and is from another version, of another
    scale or with other activations."""
    earlier = load(path) if path.exists() else results
    others = [one for name, one in earlier["experiments"].items() if name not in replaced]
    different = [name for name in SAME if earlier[name] != results[name]]
    if different and others:
        name = different[0]
        hint = "another --output, or --fresh without --only"
        expected = f"{path} of a run with {name} {results[name]}, to add to it"
        raise ArgumentError(explain("lab", expected, earlier[name], hint))
    if not different:
        results["experiments"].update(earlier["experiments"])


def surroundings() -> dict[str, Any]:
    """The circumstances of the numbers: versions, the processor, threads, the date."""
    return {
        "minidl": minidl.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": processor(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": _kernels.get_num_threads(),
        "level": _kernels.level,
        "date": datetime.now(timezone.utc).date().isoformat(),
    }


def processor() -> str:
    """The processor's name, from the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def save(results: dict[str, Any], path: Path) -> None:
    """Writes the results, completely or not at all."""
    disk.put(path, [(json.dumps(results, allow_nan=False) + "\n").encode()])


def load(path: Path) -> dict[str, Any]:
    """Reads results; DataError for any other file."""
    expected = f"the results of a laboratory in {path}"
    hint = "to delete it and run the laboratory again: what it measured is in cells.jsonl"
    with disk.open_plain("lab", path) as file:
        content = file.read()
    try:
        results: dict[str, Any] = strict_json.parse(content.decode(), SHAPE, "results")
    except ValueError as error:
        raise DataError(explain("lab", expected, error, hint)) from None
    return results
