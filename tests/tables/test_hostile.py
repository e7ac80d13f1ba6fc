"""Tables that are easily misread: right, or refused with the reason."""

import numpy as np
import pytest

from minidl import data
from minidl.errors import DataError

ENDS = ["x", "y", "x", "y", "x", "y", "x", "y"]


def read(tmp_path, text, **options):
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return data.table(path, "-1", **options)


def rows(*columns):
    return "".join(",".join(cells) + "\n" for cells in zip(*columns, ENDS, strict=False))


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ("\ufeffa,kind\n1,x\n2,y\n", ["a"], [1]),
        ("\ufeff\ufeffa,kind\n1,x\n2,y\n", ["\ufeffa"], [1]),
        ("a,kind\n1,x\n2,y".encode("utf-16"), ["a"], [1]),
        ("# made by hand\n# a,kind\n1,x\n2,y\n", ["a"], [1]),
        ("#a,kind\n1,x\n2,y\n", ["a"], [1]),
        ("a,kind\n1,x\n# a remark\n2,y\n", ["a"], [1]),
        ("a,kind\n\n\n1,x\n\n2,y\n\n", ["a"], [1]),
        ("a\tkind\n1\tx y\n2\ty z\n", ["a"], [1]),
        ("  a   b kind\n 1.5  2    x\n 2.5 10    y\n", ["a", "b"], [1.5, 2]),
        ('"a b" kind\n1 "x y"\n2 z\n', ["a b"], [1]),
        ("a b kind\nr1 1 2 x\nr2 3 4 y\n", ["a", "b"], [1, 2]),
        ("a;b;kind\n1,5;2;x\n0,25;3;y\n", ["a", "b"], [1.5, 2]),
        ("a;kind\n1e160;x\n-1e160;y\n", ["a"], [1e160]),
        ("a;kind\n1e-320;x\n5;y\n", ["a"], [1e-320]),
        ("a,kind\n+1.,x\n-.5,y\n", ["a"], [1]),
        ("a,kind\n1E+2,x\n1e-2,y\n", ["a"], [100]),
        ("a,b,kind\n1,,x\n2,,y\n", ["a"], [1]),
        ("a,kind\n'1',x\n'2',y\n", [], []),
        ("'a'\t'kind'\n1\tx\n2\ty\n", ["a"], [1]),
        ("a,kind\n0x10,x\n0x20,y\n", [], []),
        ("a,kind\n1,NA\n2,x\n3,y\n", ["a"], [2]),
        ("a,a.1,kind\n1,2,x\n3,4,y\n", ["a", "a.1"], [1, 2]),
        ("Größe,kind\n1,ä\n2,ö\n", ["Größe"], [1]),
        ('a,"the\nkind"\n1,x\n2,y\n', ["a"], [1]),
        ("sep=;\na;b;kind\n1;2,5;x\n3;4,5;y\n", ["a", "b"], [1, 2.5]),
        ("\ufeffsep=,\r\na,kind\r\n1,x\r\n2,y\r\n", ["a"], [1]),
        ("a,kind\r\n1,x\n2,y\r3,x\r\n", ["a"], [1]),
        ("a,kind\r1,x\r2,y\r", ["a"], [1]),
        ("\ufeffa,kind\n1,x\n2,y\n".encode("utf-16-be"), ["a"], [1]),
        ("--epochs,kind\n1,x\n2,y\n", ["--epochs"], [1]),
        ("a,kind\n-0,x\n0,y\n1,x\n", ["a"], [0]),
        ("a,b,kind\n1,J,x\n2,N,y\n3,J,x\n", ["a"], [1]),
        ("a,kind\n5,x\n7,x\n6,x\n9,y\n", ["a"], [5]),
        ("A,a,kind\n1,2,x\n3,4,y\n", ["A", "a"], [1, 2]),
        ("name,a,kind\nUlm,1,x\nRom,2,y\nTotal,3,\n", ["a"], [1]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*a name for each column")
def test_what_can_be_read_in_one_way_is_read(tmp_path, text, columns, first):
    found = read(tmp_path, text)
    assert found.columns == columns
    np.testing.assert_array_equal(found.x[0], first)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,a,kind\n1,2,x\n", "line 1: expected a name of its own for each column, got 'a' 2"),
        ("2019,2020,2021\n1,2,0\n3,5,1\n", "--header, or --no-header"),
        ("name;place, land;kind\n1;a, b;x\n", "--delimiter ';', or the other"),
        ("a,kind\n1,x\n2\n3,y\n", "line 3: expected 2 cells, as in the first line, got 1"),
        ("a,kind\n1,x\n2,y,z\n3,y\n", "line 3: expected 2 cells, as in the first line, got 3"),
        ("a,kind\n" + rows(["1", "2", "3", "O", "5"]), "line 5, column 'a': expected a number"),
        ("a,kind\n1e400,x\n2,y\n3,x\n", "line 2, column 'a': expected a number, got '1e400'"),
        ("a,kind\n1,x\n-inf,y\n3,x\n", "line 3, column 'a': expected a number, got '-inf'"),
        ("a,kind\n1,NA\n2,NA\n", "expected values of the target, got none"),
        ("a,kind\n1,x\n1,y\n", "expected columns beside the target, got 'a' (constant)"),
        ('a,kind\n1,"x\n2,y\n', "unexpected end of data. Try: --delimiter, or to correct the qu"),
        ("a,kind\n1,\xe4\n2,y\n".encode("latin-1"), "--encoding latin-1"),
        (b"a,kind\n1,\0\n2,y\n", "bytes that are not text"),
        (
            "a,kind\n1,x\nInfinity,y\n3,x\n",
            "line 3, column 'a': expected a number, got 'Infinity'. Try: to correct it, to delete",
        ),
        ('a,kind\n"1,234",x\n"12,345",y\n', "expected a number, got '1,234'. Try: --decimal"),
        (
            "a,kind\n12 %,x\n7 %,y\n",
            "line 2, column 'a': expected a number, got '12 %'. Try: digits",
        ),
        ("a;kind\n1.200,50 €;x\n13,00 €;y\n", "got '1.200,50 €'. Try: digits and a point alone"),
        (
            "a,kind\n2026-01-31,x\n31.01.2026,y\nJan 3 2026,x\n",
            "line 2, column 'a': expected dates written in one way, got 2026-01-31, 31.01.2026",
        ),
        (
            "a,b,kind\n1,2,x,\n3,4,y,\n",
            "line 2: expected 3 cells, as in the first line, got 4. Try",
        ),
        ("a,b,kind\nkg,m,\n1,2,x\n3,4,y\n", "column 'a': expected a number, got 'kg'. Try: to cor"),
        ("Sales\n\na,kind\n1,x\n", "got 'Unnamed: 0' (without a name). Try: --ignore"),
        ("a,kind\n1,x\nTotal,y\n3,x\n", "line 3, column 'a': expected a number, got 'Total'. Try"),
        ("a,kind\n1,x\n\nSource: us\n", "line 4: expected 2 cells, as in the first line, got 1. T"),
        ("a,kind\n1,x\n#DIV/0!,y\n3,x\n", "expected a number, got '#DIV/0!'. Try: to correct it"),
        ("a,kind,,\n1,x,,\n3,y,,\n", "'Unnamed: 3': expected values of the target, got none. Try"),
        ("kind\nx\ny\n", "expected columns beside the target, got none. Try"),
        ("a,kind\n", "expected lines of numbers, got the columns' names alone. Try"),
        ("", "expected lines of cells, got an empty file. Try"),
        ("a,kind\n1,x\n2,y\n".encode("utf-16-le"), "bytes that are not text. Try"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "expected a whole"),
        ("a,kind\n1,x\n2,x\n3,x\n", "expected two different values or more, got 'x' alone. Try"),
        ("a,kind\n1,x\n", "expected two different values or more, got 'x' alone. Try"),
        (b'{\n "a": 1}', "got JSON"),
        (b"<html>", "a web page"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*a name for each column")
def test_what_cannot_is_refused_with_the_reason(tmp_path, text, words):
    with pytest.raises(DataError) as refusal:
        data.Encoder.of(read(tmp_path, text))
    assert str(refusal.value).startswith(str(tmp_path / "a.csv"))
    assert words in str(refusal.value)
