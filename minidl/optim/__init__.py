"""Optimisers: they change parameters so that the loss gets smaller.

Each keeps PyTorch's update rule and defaults. A training step is

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with `clip_grad_norm` before `step()` and `max_norm` after it, where they are wanted. A rule of your
own is a subclass of `Optimizer`; the names in capitals are the kinds of options that it may have.
"""

from .adam import Adam, AdamW, NAdam, RAdam
from .arguments import FLAG, NOT_NEGATIVE, NUMBER, POSITIVE, SHARE, TWO_SHARES, Option
from .base import Optimizer
from .constraints import clip_grad_norm, max_norm
from .rules import SGD, Adadelta, Adagrad, Lion, RMSprop

__all__ = [
    "FLAG", "NOT_NEGATIVE", "NUMBER", "POSITIVE", "SGD", "SHARE", "TWO_SHARES", "Adadelta",
    "Adagrad", "Adam", "AdamW", "Lion", "NAdam", "Optimizer", "Option", "RAdam", "RMSprop",
    "clip_grad_norm", "max_norm",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
