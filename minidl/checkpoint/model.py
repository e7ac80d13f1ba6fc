"""A net's weights, to keep or to hand on."""

import os

from ..checks import to_path
from ..errors import CheckpointError, DTypeError, ShapeError, explain
from ..layer import Layer
from .files import read, shown, write

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
    """Gives `net` the weights in a file that save_model wrote, in a checkpoint of a training, or in
    any safetensors file with the same names and shapes. Arrays with a colon in their name are
    passed over: no weight's name has one, and what else belongs to a training does.

    CheckpointError, before anything is changed, if the file is damaged, or is one of another
    model. Other errors as from `read`.
    """
    arrays, _ = read(path)
    weights = {name: array for name, array in arrays.items() if ":" not in name}
    try:
        net.load_state_dict(weights)
    except (ShapeError, DTypeError) as error:
        path = to_path("checkpoint.load_model", path)
        raise CheckpointError(
            explain(f"checkpoint.load_model: {path}", "the weights of this model", shown(error))
        ) from error
