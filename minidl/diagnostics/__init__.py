"""A net under observation: dead and saturated units, gradients, updates; and what they mean."""

from .graph import Graph, GraphNode
from .measures import (
    entropy,
    flat_share,
    norm,
    offset,
    percentile_98,
    sign_agreement,
    silent_share,
    update_ratio,
    win_shares,
)
from .report import Report
from .verdicts import Thresholds
from .watch import Diagnostics

__all__ = [
    "Diagnostics", "Graph", "GraphNode", "Report", "Thresholds", "entropy", "flat_share", "norm",
    "offset", "percentile_98", "sign_agreement", "silent_share", "update_ratio", "win_shares",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
