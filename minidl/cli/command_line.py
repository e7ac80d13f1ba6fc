"""`main`: from the words of a command line to an exit code.

0    success
1    something is wrong with the data, the model or a file: one line on stderr says what
2    something is wrong with the command line itself
130  Ctrl-C
141  nobody reads the output any more, as with `| head`
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TextIO

import minidl

from ..errors import GuardWarning, MinidlError
from ..tools.text import one_line
from . import activations, config, evaluate, export, predict, summary, train, tune
from .options import UsageError

COMMANDS: dict[str, ModuleType] = {
    "train": train,
    "tune": tune,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "summary": summary,
    "activations": activations,
    "config": config,
}

EXAMPLES = """\
examples:
  python -m minidl train --data iris.csv --target species --hidden 16 --activation prelu
  python -m minidl activations relu gelu
  python -m minidl config

minidl COMMAND --help explains each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that these words name (by default the process' own); returns its exit code.

    >>> main(["activations", "tanh"])
    function  layer   formula     at -∞, ∞  slope at kinks  paper
    tanh      Tanh()  y = tanh x  -1, 1     -               LeCun, Bottou, Orr & Müller 1998
    0
    """
    parser, commands = parsers()
    try:
        arguments = parser.parse_args(argv)
        arguments.words = list(sys.argv[1:] if argv is None else argv)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    name = f"minidl {arguments.command}"
    try:
        with warnings_in_one_line(name):
            code: int = COMMANDS[arguments.command].run(arguments)
            sys.stdout.flush()
            return code
    except UsageError as error:
        commands[arguments.command].print_usage(sys.stderr)
        return failed(name, f"error: {error}", 2)
    except BrokenPipeError:
        close_stdout()
        return 141
    except KeyboardInterrupt:
        return failed(name, "interrupted", 130)
    except UnicodeEncodeError as error:
        hint = "PYTHONIOENCODING=utf-8 in the environment"
        return failed(name, f"stdout knows no {error.object[error.start]!a}. Try: {hint}", 1)
    except MemoryError as error:
        return failed(name, f"not enough memory. {error}", 1)
    except MinidlError as error:
        return failed(name, str(error), 1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return failed(name, f"{place}{error.strerror or error}", 1)


def parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The whole parser, and the parser of each command."""
    look: dict[str, Any] = {
        "formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False
    }  # fmt: skip
    parser = argparse.ArgumentParser(
        "minidl",
        description="Small nets of dense layers: train them, judge them, use them.",
        epilog=EXAMPLES,
        **look,
    )
    parser.add_argument("--version", action="version", version=f"minidl {minidl.__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {}
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").strip()
        commands[name] = choices.add_parser(
            name,
            help=about.splitlines()[0].partition(": ")[2].rstrip("."),
            description=about.partition(": ")[2],
            epilog=module.EXAMPLES,
            **look,
        )
        module.add_options(commands[name])
    return parser, commands


def failed(name: str, message: str, code: int) -> int:
    """Says on one line of stderr what went wrong, and returns the exit code."""
    print(f"{name}: {one_line(message)}", file=sys.stderr)
    return code


@contextmanager
def warnings_in_one_line(name: str) -> Iterator[None]:
    """Within the block a warning is one line on stderr, without its place in minidl's source."""

    def show(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        print(f"{name}: warning: {one_line(str(message))}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default", GuardWarning)
        warnings.showwarning = show
        yield


def close_stdout() -> None:
    """Closes stdout, so that Python does not meet the broken pipe again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
