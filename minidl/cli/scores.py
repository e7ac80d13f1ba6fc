"""How good a net is, in the terms of its task: for classes the accuracy, for numbers R²."""

import math
from collections.abc import Callable

import numpy as np

from ..engine.tensor import Tensor
from ..layers.containers import Sequential
from ..losses import cross_entropy, mse, softmax
from ..tables.encoder import Encoder
from ..train import evaluate
from ..train.metrics import auc

GROUPS = 10  # of probabilities

Data = tuple[np.ndarray, np.ndarray]


def loss_of(encoder: Encoder) -> Callable[..., Tensor]:
    """The loss that training lowers."""
    return mse if encoder.classes is None else cross_entropy


def metrics_of(encoder: Encoder) -> list[str]:
    """The metrics shown beside the loss during training."""
    return ["r2"] if encoder.classes is None else ["accuracy"]


def names_of(encoder: Encoder) -> list[str]:
    """The names of `measure`'s results."""
    return ["rows", "loss", *(["R²", "RMSE", "MAE"] if encoder.classes is None else ["accuracy"])]


def measure(net: Sequential, data: Data, encoder: Encoder) -> dict[str, float]:
    """Rows, loss and accuracy; for a regression R², and the root of the mean squared error and
    the mean absolute error in the target's unit. The loss is that of training, where the target may
    be standardised."""
    mae = ["mae"] if encoder.classes is None else []
    found = evaluate(net, data, loss_of(encoder), [*metrics_of(encoder), *mae])
    result = {"rows": len(data[1]), "loss": float(found["loss"])}
    if encoder.classes is not None:
        return result | {"accuracy": float(found["accuracy"])}
    scale = encoder.target_scale
    unit = 1.0 if scale is None else float(scale.sd[0])
    return result | {"R²": float(found["r2"]), "RMSE": math.sqrt(result["loss"]) * unit,
                     "MAE": float(found["mae"]) * unit}  # fmt: skip


def of_classes(y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """The area under the ROC curve, if there are two classes, and the calibration error."""
    found = {"AUC": float(auc(y, outputs))} if outputs.shape[1] == 2 else {}
    return found | {"calibration error": calibration_error(y, softmax(outputs).numpy())}


def calibration_error(y: np.ndarray, probabilities: np.ndarray) -> float:
    """How far the probability of the predicted class is from the share of such predictions that are
    right, in ten groups of equally wide probabilities: sum n_g / n |right_g - probability_g|.

    Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    >>> calibration_error(np.array([0, 1, 1, 1]), np.array([[0.25, 0.75]] * 4))
    0.0
    """
    best = probabilities.max(axis=1).astype(np.float64)
    gap = (probabilities.argmax(axis=1) == y) - best
    groups = np.minimum((best * GROUPS).astype(int), GROUPS - 1)
    return float(abs(np.bincount(groups, gap)).sum() / len(y))


def shown(name: str, value: float) -> str:
    """A score as tables show it.

    >>> shown("accuracy", 0.975), shown("rows", 60000), shown("loss", 0.123456)
    ('97.50%', '60,000', '0.1235')
    """
    if name == "accuracy":
        return f"{value:.2%}"
    return f"{value:,.0f}" if name == "rows" else f"{value:.4g}"
