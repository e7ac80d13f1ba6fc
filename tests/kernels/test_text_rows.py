"""The kernel that reads rows of a text file: its numbers are Python's, bit for bit."""

import struct

import numpy as np
import pytest

from minidl._kernels import text_rows
from minidl.tables.cells import Numbers


def read(text, kinds="nn", columns=None, delimiter=",", point="."):
    columns = columns or [Numbers() for _ in kinds]
    out = np.full((len(kinds), len(text.splitlines())), -7.0)
    at, row = text_rows.read(text.encode(), 0, ord(delimiter), ord(point), kinds, columns, out, 0)
    return out[:, :row], text.encode()[at:]


def drawn(rng):
    """A number's text: any double, or digits with a point and an exponent anywhere."""
    double = struct.unpack("d", rng.bytes(8))[0]
    digits = "".join(map(str, rng.integers(0, 10, rng.integers(1, 22))))
    place = int(rng.integers(0, len(digits)))
    texts = [
        repr(double) if np.isfinite(double) else "0",
        f"{rng.normal():.{rng.integers(1, 20)}g}",
        f"{digits[:place]}.{digits[place:]}",
        f"{digits}e{rng.integers(-25, 25)}",
    ]
    # A tie: halfway between two doubles, and next to it.
    m = int(rng.integers(2**53, 2**54)) | 1
    power = int(rng.integers(0, 5))
    texts.append(f"{m * 5**power + int(rng.integers(-1, 2))}e-{power}")
    return f"{rng.choice(['', '-', '+'])}{str(rng.choice(texts)).lstrip('-')}"


@pytest.mark.parametrize("seed", range(4))
def test_numbers_have_the_bits_of_pythons_float(seed):
    rng = np.random.default_rng(seed)
    cells = [drawn(rng) for _ in range(20_000)]
    lines = [f"{a},{b}\n" for a, b in zip(cells[::2], cells[1::2], strict=True)]
    numbers, rest = read("".join(lines))
    expected = np.array(list(map(float, cells))).reshape(-1, 2).T
    assert rest == b""
    np.testing.assert_array_equal(numbers.view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize(
    "line",
    ["1\n", "1,2,3\n", "\n", "x,1\n", "1,1_0\n", '"1"",2\n', '"1" ,2\n', '"1\n",2\n', "# 1,2\n",
     "1e400,2\n", "-inf,2\n", ".,2\n", "1e,2\n", "--1,2\n"],
)  # fmt: skip
def test_it_stops_before_a_row_that_is_not_plain(line):
    numbers, rest = read(f"1,2\n{line}3,4\n")
    assert rest == f"{line}3,4\n".encode()
    np.testing.assert_array_equal(numbers, [[1], [2]])


def test_cells_that_are_no_plain_numbers_are_looked_up():
    text = 'NA, 1.\r\n"2",-0\r-.5,١\n'
    numbers, rest = read(text)
    assert rest == b""
    np.testing.assert_array_equal(numbers, [[np.nan, 2, -0.5], [1, -0.0, 1]])
    assert np.signbit(numbers[1, 1])
    codes, _ = read("ä;1;x\n", "tsn", [{"ä": 3}, None, {"x": 4}], ";")
    np.testing.assert_array_equal(codes[:2, 0], [3, 4])
    numbers, _ = read("1,5\t2\n", "nn", [{}, {}], "\t", ",")
    np.testing.assert_array_equal(numbers, [[1.5], [2]])
