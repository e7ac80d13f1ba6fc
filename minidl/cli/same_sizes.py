"""Whether a training can be resumed with a net of these sizes; if not, what to type."""

import re
from pathlib import Path

from ..checkpoint import Folder
from ..errors import ArgumentError, explain
from .net_plan import NetPlan, dashed

WEIGHT = re.compile(r"([0-9]+)\.weight")  # the name of a layer's weights in a checkpoint


def require_same_sizes(folder: Path, plan: NetPlan) -> None:
    """ArgumentError if the newest checkpoint in the folder belongs to a net of other sizes."""
    newest = Folder(folder).newest()
    arrays = {} if newest is None else newest.arrays
    places = sorted(int(match[1]) for match in map(WEIGHT.fullmatch, arrays) if match)
    shapes = [arrays[f"{place}.weight"].shape for place in places]
    dense = [shape for shape in shapes if len(shape) == 2]
    if not dense:
        return
    before = [*(rows for rows, _ in dense), dense[-1][1]]
    if before != plan.dense_sizes:
        expected = f"a net of {dashed(before)}, as in {folder}"
        hidden = " ".join(map(str, ["--hidden", *before[1:-1]]))
        hint = f"{hidden} with the same data, or another folder for another training"
        raise ArgumentError(explain("--resume", expected, dashed(plan.dense_sizes), hint))
