"""Optimisers: they change parameters so that the loss gets smaller.

Each keeps PyTorch's update rule and defaults. A training step is

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with `clip_grad_norm` before and `max_norm` after `step()` where they are wanted.
"""

from .base import Optimizer
from .constraints import clip_grad_norm, max_norm
from .rules import SGD, Adagrad, Adam, AdamW, RMSprop

__all__ = [
    "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm", "max_norm",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
