"""Writers that are killed, and writers that work at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "writer_processes.py"


@pytest.mark.parametrize(
    "work",
    [["random", "24"], ["calls"], ["together", "3"]],
    ids=["killed at random", "killed at each call", "together"],
)
def test_writers(tmp_path, work):
    name, *count = work
    command = [sys.executable, "-W", "error", str(PROGRAM), name, str(tmp_path), *count]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
