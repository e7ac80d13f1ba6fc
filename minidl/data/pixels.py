"""Pixels: uint8 from 0 to 255, which become float32 from 0 to 1."""

import math
import warnings

import numpy as np

from .. import _kernels
from ..errors import GuardWarning, explain

NANOSECONDS = 0.3  # to convert one pixel
LOOKED_AT = 2048  # the most rows that are examined
ROWS = 32  # with fewer rows, all may be dark by chance
DARK = 128  # few images have all pixels below it; tables of counts and digits do


def gathered(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """x[rows] / 255, float32; each row is converted as it is read."""
    width = math.prod(x.shape[1:])
    out = np.empty((len(rows), *x.shape[1:]), np.float32)
    threads = _kernels.threads_for(NANOSECONDS * out.size)
    pixels = np.ascontiguousarray(x).reshape(len(x), width)
    _kernels.gather.pixels(pixels, rows, out.reshape(len(out), width), threads)
    return out


def warn_unless_pixels(operation: str, x: np.ndarray) -> None:
    """GuardWarning for uint8 that is probably no image: many rows, and all of them dark. All zeros
    are no reason, as scaling does not change them."""
    if x.dtype != np.uint8 or len(x) < ROWS:
        return
    most = int(x[:: -(-len(x) // LOOKED_AT)].max(initial=0))
    if 0 < most < DARK:
        expected = "pixels from 0 to 255 as uint8, which are divided by 255"
        hint = "x.astype(np.float32), or batches(..., scale=False), if they are no pixels"
        message = explain(operation, expected, f"0 to {most}", hint)
        warnings.warn(message, GuardWarning, stacklevel=3)
