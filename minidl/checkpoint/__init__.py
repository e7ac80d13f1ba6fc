"""Checkpoints: files that survive a kill, and that are safe to read if a stranger wrote them.

The format is that of the safetensors package, which is needed here and nowhere else:
`pip install 'minidl[checkpoints]'`.
"""

from .files import read, write
from .folder import Folder, Saved
from .model import OPTIMIZER, load_model, save_model
from .pytorch import load_torch, save_torch

__all__ = [
    "OPTIMIZER", "Folder", "Saved", "load_model", "load_torch", "read", "save_model", "save_torch",
    "write",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
