"""summary: show what a model file holds: layers, shapes, parameters, how it was trained."""

import argparse

from ..errors import some
from ..tools.tables import aligned, printable
from . import model_file, scores
from .model_file import Model
from .options import add_model

EXAMPLES = """\
examples:
  python -m minidl summary iris.safetensors
  python -m minidl summary digits.safetensors
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads the model and prints its description."""
    model = model_file.load(arguments.model)
    shown = "\n".join(map(printable, model.understood.splitlines()))
    print(f"{model.net.summary((1, model.encoder.inputs))}\n\n{about(model)}\n\n{shown}")
    return 0


def about(model: Model) -> str:
    """The inputs, the outputs, and how the net was trained."""
    data = model.encoder
    scaled = ", numbers standardised" if data.is_scaled else ""
    what = (
        "a number" if data.classes is None else f"{len(data.classes)} classes: {some(data.classes)}"
    )
    rows = [["inputs", f"{data.inputs}{scaled}: {some(data.names)}"]]
    rows.append(["target", f"{data.target}, {what}"])
    for name, value in model.training.items():
        rows.append(
            [name, value if isinstance(value, str) else scores.shown(name.split()[-1], value)]
        )
    rows.append(["made by", f"minidl {model.version}"])
    return aligned(rows)
