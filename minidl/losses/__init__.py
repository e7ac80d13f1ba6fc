"""Losses: how far a net's output is from the targets, as functions of tensors.

All take `reduction`: "mean", "sum", "none" (one loss per sample or element) or "batchmean" (the
mean over the samples of the sum of each sample's elements). All take `sample_weight`, one number
for each sample (the first axis); the mean is then the weighted mean.
"""

from .binary import binary_cross_entropy_with_logits
from .declaration import REGISTRY, by_rows, run
from .divergence import kl_divergence
from .entropy import cross_entropy, nll
from .margin import hinge, multi_margin
from .reduction import of_elements
from .regression import huber, mse, poisson
from .similarity import cosine_similarity, triplet_margin
from .softmax import log_softmax, softmax

__all__ = [
    "REGISTRY", "binary_cross_entropy_with_logits", "by_rows", "cosine_similarity", "cross_entropy",
    "hinge", "huber", "kl_divergence", "log_softmax", "mse", "multi_margin", "nll", "of_elements",
    "poisson", "run", "softmax", "triplet_margin",
]  # fmt: skip
