"""Losses: how far a net's output is from what was wanted, as functions of tensors.

All take `reduction`: "mean", "sum" or "none" (one loss per sample or element). All take
`sample_weight`, one number for each sample (the first axis); the mean is then the weighted one.
"""

from .entropy import binary_cross_entropy_with_logits, cross_entropy
from .margin import hinge, multi_margin
from .regression import huber, mse
from .softmax import log_softmax, softmax

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "hinge", "huber", "log_softmax", "mse",
    "multi_margin", "softmax",
]  # fmt: skip
