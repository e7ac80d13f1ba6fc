"""The shape of a results file, `results.json`, from which the report is made."""

from typing import Any

from .scale import Scale

CELL: dict[str, Any] = {"what": str, "arguments": dict, "seconds": float, "result": dict}
EXPERIMENT: dict[str, Any] = {
    "verdict": {"outcome": str, "words": str, "evidence": str, "effect": str},
    "seal": {"rule": str, "protocol": str, "changed": str},  # empty in a quick look
    "numbers": dict,
    "seconds": float,
    "cells": [CELL],
}
SHAPE: dict[Any, Any] = {
    "minidl": str,
    "commit": str,
    "data": str,
    "numpy": str,
    "python": str,
    "processor": str,
    "cpus": object,
    "threads": int,
    "level": str,
    "date": str,
    "scale": Scale.__annotations__,
    "added": [str],
    "experiments": {...: EXPERIMENT},
}
