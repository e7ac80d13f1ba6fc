"""config: tell what this build of minidl is and how it runs: CPU level, threads, compiler."""

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
    """Tells the parser of the options."""
    parser.add_argument("--json", action="store_true", help="as one object in JSON")


def run(arguments: argparse.Namespace) -> int:
    """Prints the version and what show_config() gives."""
    config = {"version": minidl.__version__, **show_config()}
    if arguments.json:
        print(json.dumps(config))
    else:
        print(aligned([[name, shown(value)] for name, value in config.items()]))
    return 0


def shown(value: object) -> str:
    """A list without brackets, a truth value as a word."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
