"""Every activation of the registry with options, and what each learns, for several rooms' tests."""

import numpy as np

from minidl.layers.activations import REGISTRY, Activation

# Options beside the defaults, so that a kernel that ignores its options is found out.
OPTIONS = {
    "leaky_relu": [{}, {"negative_slope": 0.3}, {"negative_slope": 2.0}],
    "elu": [{}, {"alpha": 0.5}],
    "celu": [{}, {"alpha": 0.5}],
    "gelu": [{}, {"approximate": True}],
    "maxout": [{"pieces": 1}, {"pieces": 2}, {"pieces": 5}],
}
CASES = [(kind, options) for kind in REGISTRY.values() for options in OPTIONS.get(kind.name, [{}])]
UNITS = 10  # of the last axis: 1, 2 and 5 pieces divide it


def case_id(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{k}={v}" for k, v in value.items()) or "defaults"
    return value.name if isinstance(value, type) and issubclass(value, Activation) else str(value)


def learned(kind: type[Activation], dtype: type) -> list[np.ndarray]:
    """Parameters as the kind learns them, one per unit, of both signs."""
    return [np.linspace(-0.5, 1.5, UNITS).astype(dtype) for _ in kind.learned]
