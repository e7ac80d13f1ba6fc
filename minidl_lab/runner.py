"""Runs experiments, and keeps the results: `results.json` has every number, seed and version."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

import numpy as np

import minidl
from minidl import _kernels
from minidl.errors import ArgumentError, DataError, explain
from minidl.tools import disk, strict_json

from .bench import Bench, Digits
from .experiment import Experiment, Numbers, Outcome, Verdict
from .progress import Progress
from .results import SHAPE
from .scale import Scale
from .seals import seal, seal_of
from .store import Store


def run(
    experiments: Sequence[Experiment], digits: Digits, scale: Scale, store: Store,
    extra: Sequence[str] = (), progress: Progress | None = None,
    results: dict[str, Any] | None = None, changed: str = "", fashion: Digits | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Runs them one after the other; gives the results, as `results.json` has them. With `results`
    these are added to, each as soon as it is there. A quick look gives no verdicts; the whole
    laboratory seals each rule before its data are seen, and `changed` says why one was changed
    after that."""
    progress = progress or Progress(experiments, scale)
    data = digits.digest()
    results = begin(scale, extra, data) if results is None else results
    seals = {
        one.name: seal(one, store, data, changed) if scale.is_judged else dict(UNSEALED)
        for one in experiments
    }
    about = surroundings()
    for experiment in experiments:
        progress.experiment_begins(experiment)
        bench = Bench(experiment.name, digits, scale, store, progress, extra, fashion)
        numbers = as_json(experiment.name, experiment.measure(bench))
        verdict = judged(experiment, numbers)
        others = bench.fashion.measured if bench.fashion else []
        cells = bench.measured + others
        if not scale.is_judged:
            verdict = verdict.without_verdict()
        results["experiments"][experiment.name] = {
            "verdict": verdict._asdict(),
            "seal": seals[experiment.name],
            "numbers": numbers,
            "seconds": round(sum(cell.seconds for cell in cells), 2),
            "cells": [cell._asdict() for cell in cells],
            "surroundings": about | {"fashion": fashion.digest() if fashion and others else ""},
        }
        progress.experiment_ends(verdict)
    return results


def as_json(name: str, numbers: object) -> Numbers:
    """The numbers as a file gives them back; DataError if JSON cannot hold them."""
    expected = "from `measure` a dict of texts, finite numbers, lists and dicts"
    try:
        found: object = json.loads(json.dumps(numbers, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(explain(name, expected, error)) from error
    if not isinstance(found, dict):
        raise DataError(explain(name, expected, type(numbers).__name__))
    return found


def judged(experiment: Experiment, numbers: Numbers) -> Verdict:
    """The verdict by the rule; DataError if it is none."""
    verdict: object = experiment.judge(numbers)
    if not isinstance(verdict, Verdict) or verdict.outcome not in get_args(Outcome):
        expected = f"from `judge` a Verdict: {', '.join(get_args(Outcome)[:-1])}"
        raise DataError(explain(experiment.name, expected, repr(verdict)))
    return verdict


UNSEALED = {"rule": "", "protocol": "", "changed": ""}


def begin(scale: Scale, extra: Sequence[str] = (), data: str = "") -> dict[str, Any]:
    """Results in which there is no experiment yet; `data` is the digest of the images."""
    return {
        "minidl": minidl.__version__, "data": data, "scale": scale._asdict(), "added": [*extra],
        "experiments": {},
    }  # fmt: skip


SAME = ("minidl", "data", "scale", "added")  # in results that can stand in one file


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
    """The circumstances of a run: versions, the processor, threads, the date. Results of several
    runs can stand in one file."""
    return {
        "commit": commit(),
        "date": datetime.now(timezone.utc).date().isoformat(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": processor(),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": _kernels.get_num_threads(),
        "level": _kernels.level,
    }


def commit() -> str:
    """The commit of this code, "and changes" where there are some; nothing outside a repository."""
    root = Path(minidl.__file__).parents[1]
    code = ["minidl", "minidl_lab"]
    try:
        found, changes = (
            subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", *code])
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found.stdout.strip() + " and changes" * bool(changes.stdout.strip())


def processor() -> str:
    """The processor's name, from the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def judge_again(results: dict[str, Any], experiments: Sequence[Experiment], changed: str) -> None:
    """Judges the numbers anew; where a rule was changed after they were seen, the results then say
    so with the reason."""
    for one in experiments:
        found = results["experiments"].get(one.name)
        if found and found["seal"]["rule"]:
            found["verdict"] = one.judge(found["numbers"])._asdict()
            if found["seal"]["rule"] != seal_of(one)["rule"]:
                found["seal"] |= {"rule": seal_of(one)["rule"], "changed": changed}


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
