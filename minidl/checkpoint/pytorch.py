"""Weights from and for PyTorch: the same names, with transposed matrices of dense layers."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import CheckpointError, DTypeError, explain
from ..layers.base import Layer
from ..layers.dense import Dense
from ..tools.checks import to_path
from .files import contents, write_foreign
from .model import give


def load_torch(net: Layer, source: str | os.PathLike[str] | Mapping[str, Any]) -> None:
    """Loads the weights of a PyTorch module of the same structure into `net`.

    `source` is the module's state_dict(), or a file that safetensors.torch.save_file made of it.
    The names have to be the same: Sequential, lists and dicts of layers are named like PyTorch's
    Sequential, ModuleList and ModuleDict. A Linear's weight (out, in) becomes a Dense's (in, out);
    arrays of BatchNorm1d, PReLU and a module's own parameters are taken as they are.

    CheckpointError for a file that is damaged, that minidl wrote, or of another model; ShapeError
    or DTypeError for a state_dict that does not fit. Then nothing changes.

    >>> from minidl import nn
    >>> net = nn.Sequential(nn.Dense(2, 3), nn.ReLU())
    >>> load_torch(net, {"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3)})
    >>> net[0].weight.shape
    (2, 3)
    """
    if isinstance(source, Mapping):
        arrays = {name: as_array(name, value) for name, value in source.items()}
        net.load_state_dict(turned(net, arrays))
        return
    path = to_path("checkpoint.load_torch", source)
    weights, state = contents(path)
    if state is not None:
        got, hint = "one that minidl wrote", "checkpoint.load_model"
        raise CheckpointError(explain(f"checkpoint.load_torch: {path}", "a file", got, hint))
    give("checkpoint.load_torch", net, turned(net, weights), path)


def save_torch(net: Layer, path: str | os.PathLike[str]) -> None:
    """Writes the weights as PyTorch stores them, for load_torch or for a PyTorch module of the same
    structure: module.load_state_dict(safetensors.torch.load_file(path)). Errors as from `write`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from minidl import nn
    >>> path = Path(tempfile.mkdtemp(), "net.safetensors")
    >>> save_torch(nn.Dense(2, 3), path)
    >>> load_torch(nn.Dense(2, 3), path)
    """
    write_foreign(path, turned(net, net.state_dict()))


def turned(net: Layer, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The state with the matrices of all Dense layers transposed."""
    matrices = {id(layer.weight) for layer in net.layers_within() if isinstance(layer, Dense)}
    names = {name for name, p in net.named_parameters() if id(p) in matrices}
    return {name: array.T if name in names else array for name, array in state.items()}


def as_array(name: str, value: Any) -> np.ndarray:
    """A PyTorch tensor, or another value of a state_dict, as an array."""
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "cpu") else value)
    except TypeError as error:  # for instance bfloat16
        operation, hint = f"checkpoint.load_torch: {name}", "module.float().state_dict()"
        raise DTypeError(explain(operation, "numbers as NumPy has them", error, hint)) from error
