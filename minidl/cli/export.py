"""export: write a saved net as an ONNX file, for other runtimes.

The file takes `numbers` (rows, columns), in which NaN is a missing one, and, where there are
categories, `texts` (rows, columns), in which "" is a missing one. It standardises the numbers,
encodes the texts, runs the net, and gives the class as `label` with its `probabilities`, or the
number, in the target's unit, as `variable`. Reading cells stays with the program that uses the
file: a date is its days since 1970, a time alone its hours, and true and false are 1 and 0; a text
is as it was written in training.
"""

import argparse
from pathlib import Path

from ..onnx.saving import save
from ..tables.encoder import Encoder
from ..tools.tables import aligned, printable
from . import model_file
from .options import add_force, add_model, check_output

EXAMPLES = """\
examples:
  python -m minidl export iris.safetensors iris.onnx
  python -m minidl export digits.safetensors digits.onnx --force
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    add_model(parser)
    parser.add_argument("file", type=Path, metavar="FILE.onnx", help="the file to write")
    add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Reads the model, writes the file, and says what it takes and gives."""
    check_output(arguments.file, arguments.force)
    model = model_file.load(arguments.model)
    save(model.net, arguments.file, input=model.encoder)
    print(aligned([["written", str(arguments.file)], *columns_of(model.encoder)]))
    return 0


def columns_of(encoder: Encoder) -> list[list[str]]:
    """What the file takes and gives, by name."""
    kind = "uint8" if encoder.is_pixels else "float64"
    rows = []
    if encoder.width:
        names = encoder.columns or [f"{encoder.width} columns"]
        shown = (f"{name} ({encoder.kinds[name].name})" if name in encoder.kinds else name
                 for name in names)  # fmt: skip
        rows.append(["numbers", f"{kind}: {', '.join(shown)}"])
    if encoder.categories:
        rows.append(["texts", ", ".join(encoder.categories)])
    answers = "variable" if encoder.classes is None else "label, probabilities"
    rows.append(["gives", f"{answers}: {encoder.target}"])
    return [[name, printable(text)] for name, text in rows]
