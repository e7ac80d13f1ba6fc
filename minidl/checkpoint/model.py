"""A net's weights, to keep or to pass on."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import CheckpointError, DTypeError, ShapeError, explain
from ..layers.base import Layer
from ..tools.checks import to_path
from .files import contents, shown, write

OPTIMIZER = "optimizer:"  # the prefix of the names of an optimiser's arrays


def save_model(net: Layer, path: str | os.PathLike[str]) -> None:
    """Writes the arrays of net.state_dict() under their names. Errors as from `write`.

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
    """Loads the weights from a file of save_model, or from a training's checkpoint, into `net`.

    Arrays with a colon in their name are skipped: they are the other state of a training, and no
    weight has such a name.

    CheckpointError, before anything changes, if the file is damaged, belongs to another model or
    was not written by minidl: PyTorch's matrices lie the other way round, which nobody can see in a
    square one. Other errors as from `read`.

    >>> import tempfile
    >>> from minidl import nn
    >>> path = Path(tempfile.mkdtemp(), "net.safetensors")
    >>> save_model(nn.Dense(2, 3), path)
    >>> load_model(nn.Dense(2, 3), path)
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
    """Loads a file's weights into the net; CheckpointError if they belong to another model."""
    try:
        net.load_state_dict(weights)
    except (ShapeError, DTypeError) as error:
        raise CheckpointError(
            explain(f"{operation}: {path}", "the weights of this model", shown(error))
        ) from error
