"""How good a net is, in the terms of its task: for classes the accuracy, for numbers R²."""

import math
from collections.abc import Callable

import numpy as np

from ..engine.tensor import Tensor
from ..layers.containers import Sequential
from ..losses import cross_entropy, mse
from ..tables.encoder import Encoder
from ..train import evaluate

Data = tuple[np.ndarray, np.ndarray]


def loss_of(encoder: Encoder) -> Callable[..., Tensor]:
    """The loss that training lowers."""
    return mse if encoder.classes is None else cross_entropy


def metrics_of(encoder: Encoder) -> list[str]:
    """The metrics shown beside the loss during training."""
    return ["r2"] if encoder.classes is None else ["accuracy"]


def names_of(encoder: Encoder) -> list[str]:
    """The names of `measure`'s results."""
    return ["rows", "loss", *(["R²", "RMSE"] if encoder.classes is None else ["accuracy"])]


def measure(net: Sequential, data: Data, encoder: Encoder) -> dict[str, float]:
    """Rows, loss and accuracy; for a regression R² and the root of the mean squared error, in the
    target's unit. The loss is that of training, where the target may be standardised."""
    found = evaluate(net, data, loss_of(encoder), metrics_of(encoder))
    result = {"rows": len(data[1]), "loss": float(found["loss"])}
    if encoder.classes is not None:
        return result | {"accuracy": float(found["accuracy"])}
    scale = encoder.target_scale
    unit = 1.0 if scale is None else float(scale.sd[0])
    return result | {"R²": float(found["r2"]), "RMSE": math.sqrt(result["loss"]) * unit}


def shown(name: str, value: float) -> str:
    """A score as tables show it.

    >>> shown("accuracy", 0.975), shown("rows", 60000), shown("loss", 0.123456)
    ('97.50%', '60,000', '0.1235')
    """
    if name == "accuracy":
        return f"{value:.2%}"
    return f"{value:,.0f}" if name == "rows" else f"{value:.4g}"
