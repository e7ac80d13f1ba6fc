"""activations: list the activations: formula, range, slope at kinks, paper; or draw them."""

import argparse
from pathlib import Path

from ..errors import ArgumentError
from ..layers.activations import REGISTRY
from ..layers.activations import activation as find
from ..layers.activations.table import HEADER, cells
from ..tools.tables import aligned
from .options import UsageError, add_force, check_output
from .pictures import draw

EXAMPLES = """\
examples:
  python -m minidl activations
  python -m minidl activations relu gelu mish
  python -m minidl activations --plot activations.png
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help=f"{', '.join(REGISTRY)} (default: all)")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE",
                        help="draw each with its derivative: .png, .svg or .pdf")  # fmt: skip
    add_force(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the table, and draws."""
    try:
        kinds = [find(name) for name in arguments.names] or list(REGISTRY.values())
    except ArgumentError as error:
        raise UsageError(str(error)) from None
    if arguments.plot:
        check_output(arguments.plot, arguments.force)
        draw(kinds, arguments.plot)
    print(aligned([HEADER, *map(cells, kinds)]))
    return 0
