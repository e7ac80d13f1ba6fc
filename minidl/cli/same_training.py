"""`SameTraining`: a training goes on only with what it was begun with."""

import argparse
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..optim import Optimizer
from ..train import Callback
from .net_plan import NetPlan


class SameTraining(Callback):
    """Lets a training be resumed only with the options and the data that it was begun with."""

    FREE = (
        "command", "data", "inputs", "epochs", "threads", "save", "force", "checkpoints", "resume",
        "quiet", "patience",
    )  # fmt: skip
    OF_OPTIMIZER = ("optimizer", "lr", "momentum", "weight_decay")  # which has them, given or not

    def __init__(
        self, arguments: argparse.Namespace, plan: NetPlan, optimizer: Optimizer,
        x: np.ndarray, y: np.ndarray,
    ) -> None:  # fmt: skip
        others = {*self.FREE, *self.OF_OPTIMIZER}
        options = {k: repr(v) for k, v in vars(arguments).items() if k not in others}
        group = optimizer.param_groups[0]
        options |= {k: repr(group[k]) for k in self.OF_OPTIMIZER if k in group}
        digest = zlib.crc32(y.tobytes(), zlib.crc32(x.tobytes()))
        self.settings = {**options, "net": str(plan), "data": f"checksum {digest:08x}"}

    def state_dict(self) -> dict[str, Any]:
        """The settings."""
        return {"settings": self.settings}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """ArgumentError if they were others."""
        for name, now in self.settings.items():
            before = state["settings"].get(name)
            if before != now:
                raise ArgumentError(explain("--resume", f"{name} {before}, as before", now))
