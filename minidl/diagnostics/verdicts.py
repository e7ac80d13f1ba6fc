"""The verdicts: what the numbers mean, in words. All thresholds are in `Thresholds`."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Layers = dict[str, dict[str, Any]]


class Thresholds(NamedTuple):
    """The limits from which on a number is a finding.

    >>> Thresholds(dead=0.5).saturated
    0.5
    """

    dead: float = 0.1  # share of units; for maxout, of pieces
    saturated: float = 0.5  # share of outputs
    offset: float = 0.9  # |mean| / root mean square, of an activation; sigmoid's 0.5 ± 0.2 has 0.93
    signs: float = 0.9  # share of a neuron's gradients with the sign of the majority
    vanishing: float = 1e-3  # ‖dy‖ at the first layer of weights, divided by that at the last
    exploding: float = 1e3
    small_update: float = 1e-5  # relative to the weights, in a step; 1e-3 is usual
    large_update: float = 3e-2
    entropy: float = 0.2  # of maxout's pieces
    linear: float = 0.05  # distance of a learned slope from 1
    collapsed: float = 1e-3  # standard deviation of an activation's outputs


def verdicts_on(layers: Layers, at: Thresholds) -> list[str]:
    """A sentence for each finding."""
    found = [
        f"layer {name or 'net'} ({short(numbers)}): {words}"
        for name, numbers in layers.items()
        for words in (*of_units(numbers, at), *of_weights(numbers, at))
    ]
    return [*found, *of_depth(layers, at)]


def of_units(numbers: dict[str, Any], at: Thresholds) -> Iterator[str]:
    """Findings in an activation's outputs and slopes."""
    share = numbers.get("dead", 0.0)
    if share > at.dead and "win_entropy" in numbers:
        yield (f"{percent(share)} of the pieces never won in the last epoch: lower the learning "
               "rate or use fewer pieces")  # fmt: skip
    elif share > at.dead:
        yield (f"{percent(share)} of the units never fired in the last epoch: lower the learning "
               "rate or try leaky ReLU")  # fmt: skip
    if numbers.get("saturated", 0.0) > at.saturated:
        yield (f"{percent(numbers['saturated'])} of the outputs are saturated: smaller initial "
               "weights or a lower learning rate, inputs of about 1, or ReLU")  # fmt: skip
    is_activation = {"saturated", "inactive", "win_entropy"} & numbers.keys()
    has_outputs = is_activation and {"mean", "spread", "offset"} <= numbers.keys()
    if has_outputs and numbers["spread"] < at.collapsed:
        yield (f"the outputs hardly differ (sd {numbers['spread']:.2g}): larger initial weights, "
               "or batch normalisation before it")  # fmt: skip
    elif has_outputs and abs(numbers["offset"]) > at.offset:
        yield (f"the outputs are not zero-centred (mean {numbers['mean']:.2g}, sd "
               f"{numbers['spread']:.2g}): try tanh, or batch normalisation after it")  # fmt: skip
    if numbers.get("win_entropy", 1.0) < at.entropy:
        yield (f"mostly one piece of a unit wins (entropy {numbers['win_entropy']:.2g}), so the "
               "layer is nearly linear: use fewer pieces, or other initial weights")  # fmt: skip
    if abs(numbers.get("slope", 0.0) - 1) < at.linear:
        yield f"the learned slope is {numbers['slope']:.2f}: the layer is nearly linear"


def of_weights(numbers: dict[str, Any], at: Thresholds) -> Iterator[str]:
    """Findings in a layer's gradients and updates."""
    share = numbers.get("sign_agreement", 0.0)
    if share > at.signs:
        yield (f"{percent(share)} of a neuron's gradients have one sign, so its weights go in a "
               "zig-zag: subtract the inputs' mean, or use tanh or batch normalisation before "
               "it")  # fmt: skip
    ratio = numbers.get("update_ratio")
    if ratio is not None and ratio > at.large_update:
        yield f"a step moves the weights by {ratio:.2g} of their size: lower the learning rate"
    has_gradient = numbers.get("weight_gradient", 1.0) > 0
    if ratio is not None and ratio < at.small_update and has_gradient:
        yield f"a step moves the weights by {ratio:.2g} of their size: raise the learning rate"


def of_depth(layers: Layers, at: Thresholds) -> Iterator[str]:
    """Findings in the gradient on its way from the last layer of weights to the first."""
    wanted = {"weight_gradient", "gradient"}
    names = [name for name, numbers in layers.items() if wanted <= numbers.keys()]
    if len(names) < 2:
        return
    first, last = (layers[names[i]]["gradient"] for i in (0, -1))
    ratio = first / last if last else 1.0
    if ratio < at.vanishing:
        yield (f"the gradient vanishes: at layer {names[0]} it is {ratio:.2g} of that at layer "
               f"{names[-1]}: try ReLU, batch normalisation, or fewer layers")  # fmt: skip
    if ratio > at.exploding:
        yield (f"the gradient explodes: at layer {names[0]} it is {ratio:.2g} times that at layer "
               f"{names[-1]}: smaller initial weights, or batch normalisation")  # fmt: skip


def percent(share: float) -> str:
    """A share as a percentage."""
    return f"{100 * share:.0f} %"


def short(numbers: dict[str, Any]) -> str:
    """The kind of layer without its options."""
    return str(numbers.get("kind", "layer")).split("(")[0]
