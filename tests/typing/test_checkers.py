"""A user's program under the type checkers: they refuse the lines marked as mistakes, no others."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("program.py")


def output(folder: Path, *command: str) -> str:
    """What a checker prints that finds mistakes. mypy does not look into PYTHONPATH by itself."""
    variables = os.environ | {"MYPYPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(
        [sys.executable, "-m", *command, str(PROGRAM)],
        cwd=folder, env=variables, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def mypy(folder: Path, cache: Path) -> set[int]:
    """The lines that mypy refuses. Mistakes in minidl itself are found by `make lint`."""
    found = output(
        folder, "mypy", "--strict", "--follow-imports=silent", "--config-file=",
        f"--cache-dir={cache}",
    )  # fmt: skip
    return {int(line) for line in re.findall(r"^.*program\.py:(\d+): error", found, re.MULTILINE)}


def pyright(folder: Path, cache: Path) -> set[int]:
    """The lines that pyright refuses."""
    found = json.loads(output(folder, "pyright", "--outputjson", "--pythonpath", sys.executable))
    return {mistake["range"]["start"]["line"] + 1 for mistake in found["generalDiagnostics"]}


@pytest.mark.parametrize("checker", [mypy, pyright])
def test_mistakes_are_refused_and_nothing_else(checker, tmp_path, pytestconfig):
    lines = PROGRAM.read_text().splitlines()
    mistakes = {number for number, line in enumerate(lines, 1) if "# mistake: " in line}
    assert len(mistakes) == 5
    assert checker(tmp_path, pytestconfig.cache.mkdir("mypy")) == mistakes
