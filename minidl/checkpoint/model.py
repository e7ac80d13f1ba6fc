"""A net's weights, to keep or to hand on."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import CheckpointError, DTypeError, ShapeError, explain
from ..layers.base import Layer
from ..tools.checks import to_path
from .files import contents, shown, write

OPTIMIZER = "optimizer:"  # before the names of an optimiser's arrays


def save_model(net: Layer, path: str | os.PathLike[str]) -> None:
    """Writes what net.state_dict() holds, under its names. Errors as from `write`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl import nn
    >>> path = Path(tempfile.mkdtemp(), "net.safetensors")
    >>> net, other = nn.MLP([4, 8, 3], "relu"), nn.MLP([4, 8, 3], "relu")
    >>> save_model(net, path)
    >>> load_model(other, path)
    >>> bool((other[0].weight.data == net[0].weight.data).all())
    True
    """
    write(path, net.state_dict())


def load_model(net: Layer, path: str | os.PathLike[str]) -> None:
    """Gives `net` the weights in a file that save_model wrote, or in a checkpoint of a training.
    Arrays with a colon in their name are passed over: no weight's name has one, and what else
    belongs to a training does.

    CheckpointError, before anything is changed, if the file is damaged, is one of another model or
    was not written by minidl: nobody can see of a square matrix that it is PyTorch's, which lies
    the other way round. Other errors as from `read`.
    """
    operation, path = "checkpoint.load_model", to_path("checkpoint.load_model", path)
    arrays, state = contents(path)
    if state is None:
        hint = (
            "checkpoint.load_torch for weights from PyTorch, "
            "net.load_state_dict(checkpoint.read(path)[0]) for others"
        )
        got = "one of another program"
        raise CheckpointError(explain(f"{operation}: {path}", "minidl's file", got, hint))
    give(operation, net, {name: a for name, a in arrays.items() if ":" not in name}, path)


def give(operation: str, net: Layer, weights: Mapping[str, np.ndarray], path: Path) -> None:
    """Loads the weights of a file into the net; CheckpointError if they are of another model."""
    try:
        net.load_state_dict(weights)
    except (ShapeError, DTypeError) as error:
        raise CheckpointError(
            explain(f"{operation}: {path}", "the weights of this model", shown(error))
        ) from error
