"""The shape of a results file, `results.json`, from which the report is made."""

from typing import Any

from .scale import Scale

CELL: dict[str, Any] = {"what": str, "arguments": dict, "seconds": float, "result": dict}
SURROUNDINGS: dict[str, Any] = {  # of the run in which an experiment was measured
    "commit": str,
    "date": str,
    "numpy": str,
    "python": str,
    "processor": str,
    "cpus": object,
    "threads": int,
    "level": str,
    "fashion": str,  # the digest of Fashion-MNIST's images, empty if there are no cells of them
}
EXPERIMENT: dict[str, Any] = {
    "verdict": {"outcome": str, "words": str, "evidence": str, "effect": str},
    "seal": {"rule": str, "protocol": str, "changed": str},  # empty in a quick look
    "numbers": dict,
    "seconds": float,
    "cells": [CELL],
    "surroundings": SURROUNDINGS,
}
SHAPE: dict[Any, Any] = {
    "minidl": str,
    "data": str,
    "scale": Scale.__annotations__,
    "added": [str],
    "experiments": {...: EXPERIMENT},
}
