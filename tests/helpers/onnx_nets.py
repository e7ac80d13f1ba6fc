"""Nets drawn from the whole space of layers and options, and what runtimes make of their files."""

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

from minidl import nn
from minidl.layers.activations import REGISTRY

DTYPES = (np.float32, np.float64)
SINGLE = ["Bias", "BatchNorm", "LayerNorm", "RMSNorm", "Dropout", "GaussianNoise", "Flatten",
          "Dense", "Residual", "Concat", "Sequential", "MLP"]  # fmt: skip
MINIDLS = [kind for kind in REGISTRY.values() if kind.__module__.startswith("minidl.")]
OPTIONS = {
    "LeakyReLU": ["negative_slope"], "ELU": ["alpha"], "CELU": ["alpha"],
}  # fmt: skip


def activation(kind, rng, units):
    """An activation with options of its whole range, and how many columns it gives."""
    name = kind.__name__
    if name == "Maxout":
        pieces = int(rng.choice([n for n in range(1, units + 1) if units % n == 0]))
        return kind(pieces), units // pieces
    if name == "PReLU":
        layer = kind(int(rng.choice([1, units])))
        layer.weight.data[...] = rng.normal(size=layer.weight.shape)
        return layer, units
    if name == "GELU":
        return kind(approximate=bool(rng.integers(2))), units
    return kind(
        **{option: round(float(rng.uniform(0.05, 3)), 3) for option in OPTIONS.get(name, [])}
    ), units


def drawn_layers(rng, units, kind_of):
    """Four layers for `units` columns; an activation at place i is of the class kind_of(i)."""
    layers = []
    for i in range(4):
        if rng.integers(2):
            found, units = layer(str(rng.choice(SINGLE)), rng, units)
        else:
            found, units = activation(kind_of(i), rng, units)
        layers.append(found)
    return layers


def layer(name, rng, units):
    """A layer for `units` columns, and how many it gives."""
    out, flag = int(rng.integers(1, 9)), bool(rng.integers(2))
    eps = float(10.0 ** rng.integers(-6, -1))
    if name == "Dense":
        return nn.Dense(units, out, bias=flag), out
    if name == "Bias":
        return nn.Bias(units), units
    if name == "BatchNorm":
        norm = nn.BatchNorm(units, eps, None if flag else 0.3, affine=bool(rng.integers(2)))
        norm.running_mean[:] = rng.normal(size=units)
        norm.running_var[:] = rng.uniform(0.5, 2, units)
        return norm, units
    if name == "LayerNorm":
        return nn.LayerNorm(units, eps, affine=flag), units
    if name == "RMSNorm":
        return nn.RMSNorm(units, None if flag else eps, affine=bool(rng.integers(2))), units
    if name == "Dropout":
        return nn.Dropout(0.4, rescale=flag), units
    if name == "GaussianNoise":
        return nn.GaussianNoise(0.3), units
    if name == "Flatten":
        return nn.Flatten(), units
    if name == "Residual":
        return nn.Residual(nn.Sequential(nn.Tanh(), nn.Dense(units, units))), units
    if name == "Concat":
        return nn.Concat(nn.Identity(), nn.Dense(units, out), nn.Tanh()), 2 * units + out
    if name == "Sequential":
        return nn.Sequential(nn.Dense(units, 4), nn.Sequential(nn.SiLU(), nn.Dense(4, out))), out
    options = {"batch_norm": flag, "dropout": 0.2 * bool(rng.integers(2))}
    return nn.MLP([units, 6, 4, out], str(rng.choice(["relu", "gelu", "maxout"])), **options), out


def randomised(net, rng, dtype):
    """The net in this dtype, with parameters that are not what they start with."""
    for p in net.parameters():
        p.data[...] += 0.1 * rng.normal(size=p.shape)
    return net.astype(dtype)


def outputs(file, **given):
    """The outputs that ONNX Runtime computes, and those of ONNX's own evaluator."""
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, given), ReferenceEvaluator(onnx.load(file)).run(None, given)


def assert_near(found, wanted, tolerance=1e-6):
    """Equal but for rounding, relative to the output's scale."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
