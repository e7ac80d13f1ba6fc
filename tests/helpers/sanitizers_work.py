"""What `make sanitize` runs first: are the sanitizers there, and would they see a kernel's mistake?

Kernels trust what they are given, so a call with wrong shapes does what a mistake in a kernel
would do. Without sanitizers such a call destroys memory, so `pytest tests` must not find this file
by its name.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from minidl import _kernels

PACKAGE = Path(_kernels.__file__).parents[1]
KERNELS = sorted(PACKAGE.rglob("*.so"))

BEGIN = """
import numpy as np
from minidl import _kernels

def pixels(x, y):  # reads as many numbers as x has, writes as many
    _kernels.gather.pixels(x[None], np.zeros(1, np.int64), y[None], 1)

def relu(x, y, units):  # reads as many numbers as y has, writes as many
    function = _kernels.ROW_FUNCTIONS["relu"]["float64"][0]
    nothing = np.zeros(0)
    _kernels.rows.forward(function, x, nothing, y, nothing, units, units, 1)
"""


def report(program: str) -> str:
    """What the sanitizers say to a program, which they must not let end well."""
    # Python looks for minidl in its working folder first.
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + program],
        cwd=PACKAGE.parent, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode != 0, "nobody noticed"
    return done.stderr


def test_all_levels_are_there():
    assert len(KERNELS) > len(_kernels.KERNELS) * len(_kernels.levels())


@pytest.mark.parametrize("file", KERNELS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_kernel_is_built_with_both_sanitizers(file):
    code = file.read_bytes()
    assert b"__asan_report_" in code
    assert b"__ubsan_handle_" in code


# NumPy keeps arrays below 1024 bytes to use them again; their ends must be seen all the same.
@pytest.mark.parametrize("n", [1, 3, 100, 10_000])
@pytest.mark.parametrize(
    ("call", "access"),
    [
        ("pixels(np.ones({n} + 1, np.uint8), np.ones({n}))", "WRITE of size 8"),
        ("relu(np.ones({n}), np.ones({n} + 1), {n} + 1)", "READ of size 8"),
    ],
)
def test_one_number_past_the_end_is_noticed(call, access, n):
    text = report(call.format(n=n))
    assert "heap-buffer-overflow" in text
    assert access in text
    assert ".pyx:" in text


@pytest.mark.parametrize(
    ("units", "message"), [("0", "division by zero"), ("2**63 - 1", "signed integer overflow")]
)
def test_an_undefined_operation_is_noticed(units, message):
    text = report(f"relu(np.ones(4), np.ones(4), {units})")
    assert f"runtime error: {message}" in text
    assert "rows.pyx:" in text
