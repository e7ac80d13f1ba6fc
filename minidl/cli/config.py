"""config: show the version, the CPU level, the threads and the compiler of this build of minidl."""

import argparse
import json

import minidl

from .._kernels import show_config
from ..tools.tables import aligned

EXAMPLES = """\
examples:
  python -m minidl config
  python -m minidl config --json
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options to the parser."""
    parser.add_argument("--json", action="store_true", help="as one object in JSON")


def run(arguments: argparse.Namespace) -> int:
    """Prints the version and the result of show_config()."""
    config = {"version": minidl.__version__, **show_config()}
    if arguments.json:
        print(json.dumps(config))
    else:
        print(aligned([[name, shown(value)] for name, value in config.items()]))
    return 0


def shown(value: object) -> str:
    """A value as text: a list without brackets, a truth value as a word."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
