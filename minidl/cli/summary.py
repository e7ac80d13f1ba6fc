"""summary: tell what a model file holds: layers, shapes, parameters, how it was trained."""

import argparse

from ..errors import some
from . import model_file, scores
from .model_file import Model
from .options import add_model
from .text import aligned

EXAMPLES = """\
examples:
  python -m minidl summary iris.safetensors
  python -m minidl summary digits.safetensors
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tells the parser of the options."""
    add_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads the model and prints what it is."""
    model = model_file.load(arguments.model)
    print(f"{layers(model)}\n\n{about(model)}")
    return 0


def layers(model: Model) -> str:
    """A row for each layer, and the sum."""
    rows = [["layer", "", "outputs", "parameters"]]
    width = model.preparation.width
    for name, layer in model.net.children():
        weight = dict(layer.named_parameters()).get("weight")
        if weight is not None and weight.ndim == 2:
            width = weight.shape[1]
        kind_of_unit = getattr(layer, "inputs_per_unit", None)
        if kind_of_unit is not None:
            width //= kind_of_unit(layer.options)  # type: ignore[attr-defined]
        rows.append([name, repr(layer), f"(n, {width})", f"{layer.count_parameters():,}"])
    rows.append(["", "all", "", f"{model.net.count_parameters():,}"])
    return aligned(rows, right=[3])


def about(model: Model) -> str:
    """What goes in, what comes out, how it was trained."""
    data = model.preparation
    kind = "pixels" if data.is_pixels else "numbers"
    scaled = ", standardised" if data.inputs_scale is not None else ""
    names = f": {some(data.columns)}" if data.columns else ""
    what = (
        "a number" if data.classes is None else f"{len(data.classes)} classes: {some(data.classes)}"
    )
    rows = [["inputs", f"{data.width} columns of {kind}{scaled}{names}"]]
    rows.append(["target", f"{data.target}, {what}"])
    for name, value in model.training.items():
        rows.append(
            [name, value if isinstance(value, str) else scores.shown(name.split()[-1], value)]
        )
    rows.append(["made by", f"minidl {model.version}"])
    return aligned(rows)
