"""CSV and NPZ files: what is read from them, and how what is wrong with one is told."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from cli_data import npz, table

from minidl import data
from minidl.errors import DataError

PLAIN = "a,b,kind\n1,2.5,x\n-3e2,.5,y\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "a, b ,kind\n\n 1,2.5 , x\n  \n-3e2,.5,y",
        '"a","b","kind"\n"1","2.5","x"\n"-3e2",".5","y"\n',
    ],
    ids=["plain", "semicolons", "tabs", "mark", "windows", "blanks", "quoted"],
)
def test_a_csv_file_in_all_its_forms(tmp_path, content):
    found = table(tmp_path / "a.csv", content)
    np.testing.assert_array_equal(found.x, [[1, 2.5], [-300, 0.5]])
    assert (found.columns, found.target, found.values) == (["a", "b"], "kind", ["x", "y"])


def test_cells_that_hold_what_separates_them(tmp_path):
    found = table(tmp_path / "a.csv", '"a,1";"b;""2""";kind\n1;2;"x;\ny"\n3;4;"z,"\n')
    assert found.columns == ["a,1", 'b;"2"']
    assert found.values == ["x;\ny", "z,"]


def test_a_file_without_names_has_numbers_for_names(tmp_path):
    found = table(tmp_path / "a.csv", "1,2,0\n3,4,1\n", target="-1")
    assert (found.columns, found.target, found.values) == (["0", "1"], "2", ["0", "1"])
    assert list(found.places) == [1, 2]


@pytest.mark.parametrize(("target", "columns"), [("a", ["b", "kind"]), ("1", ["a", "kind"])])
def test_a_target_by_name_and_by_place(tmp_path, target, columns):
    content = PLAIN.replace("x", "7").replace("y", "8")
    assert table(tmp_path / "a.csv", content, target).columns == columns


def test_a_name_goes_before_a_place(tmp_path):
    assert table(tmp_path / "a.csv", "1,b,0,c\n5,6,x,7\n", target="0").values == ["x"]


def test_columns_that_are_ignored_may_hold_anything(tmp_path):
    found = table(tmp_path / "a.csv", "id,a,kind,note\nQ1,1,x,\nQ2,2,y,?\n", ignore=["id", "-1"])
    np.testing.assert_array_equal(found.x, [[1], [2]])


def test_wanted_columns_come_in_their_order_and_others_are_not_read(tmp_path):
    found = table(tmp_path / "a.csv", "z,b,kind,a\n?,2,x,1\n", columns=["a", "b"])
    np.testing.assert_array_equal(found.x, [[1, 2]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,kind\n1,x\n-inf,y\n", "line 3, column 'a'"),
        ("a,kind\n1,x\n1_000,y\n", "line 3, column 'a': expected a number, got '1_000'"),
        ("a,b,kind\n1,2,x\n3,one,y\n", "line 3, column 'b': expected a number, got 'one'"),
        ('a,kind\n1,"x\n\ny"\n2_0,y\n', "line 5, column 'a'"),
        ("a,kind\n1,x\n2\n", "line 3: expected 2 cells, as in the first line, got 1"),
        ("a,kind\n1,x\n2,y,z\n", "line 3: expected 2 cells, as in the first line, got 3"),
        (
            "a,a,kind\n1,2,x\n",
            "line 1: expected a name of its own for each column, got 'a' 2",
        ),
        ("a,b\n1,2\n", "expected a column 'kind', got the columns a, b"),
        ("a:b\n1:2\n", "got the columns a:b. Try: --delimiter"),
        ('a,kind\n"1,234",x\n', "got '1,234'. Try: --decimal ',', or a point before decimals"),
        (
            "a;b;kind\n1,5;2.5;x\n1;2;y\n",
            "got '1,5'. Try: --decimal ',', or a point before decimals",
        ),
        ('a,kind\n"1,234,567.5",x\n', "line 2, column 'a': expected a number"),
        ("a,kind\n01/02/2026,x\n03/04/2026,y\n", "day/month/year or month/day/year"),
        ("a,kind\n1,NA\n2,?\n", "line 2, column 'kind': expected values of the target"),
        ("a,kind\n5,x\n5,y\n", "expected columns beside the target, got 'a' (constant)"),
        ("a,kind\n1,x\n2,y,\n", "line 3: expected 2 cells, as in the first line, got 3"),
        ("kind\nx\n", "expected columns beside the target, got none"),
        ("a,kind\n", "expected lines of numbers, got the columns' names alone"),
        ("", "expected lines of cells, got an empty file"),
        ("a,kind\n\0,x\n", ""),
        (b"a,kind\n\xff,x\n", "expected text in UTF-8"),
        ('a,kind\n1,"x\n', "expected text in UTF-8, got unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_told_with_its_place(tmp_path, content, words):
    with pytest.raises(DataError) as refusal:
        table(tmp_path / "a.csv", content)
    assert str(refusal.value).startswith(str(tmp_path / "a.csv"))
    assert words in str(refusal.value)


# ---- NPZ ----------------------------------------------------------------------------------------


def test_arrays_x_and_y(tmp_path):
    x = np.arange(12, dtype=np.int32).reshape(2, 3, 2)
    found = npz(tmp_path / "a.npz", x=x, y=np.array([[5], [-2]]))
    np.testing.assert_array_equal(found.x, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    assert (found.x.dtype, found.is_pixels, found.values) == (np.float64, False, ["5", "-2"])


def test_images_are_flattened_and_stay_pixels(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    found = npz(tmp_path / "a.npz", "x_train", "y_train", x_train=images, y_train=np.array([1, 0]))
    np.testing.assert_array_equal(found.x, images.reshape(2, 12))
    assert found.is_pixels


@pytest.mark.parametrize(
    ("y", "values"),
    [
        (np.array(["cat", "dog"]), ["cat", "dog"]),
        (np.array([0.1, 2.0], np.float64), ["0.1", "2.0"]),
        (np.array([True, False]), ["True", "False"]),
    ],
)
def test_targets_of_any_kind_become_text(tmp_path, y, values):
    assert npz(tmp_path / "a.npz", x=np.ones((2, 1)), y=y).values == values


class Trap:
    """What a stranger could hide in a file that is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("the file was executed",)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((2, 2))}, "expected an array 'y', got the arrays x"),
        ({"x": np.ones((2, 2)), "y": np.ones(3)}, "'y': expected an array of 2 numbers or texts"),
        ({"x": np.ones((2, 2)), "y": np.eye(2)}, "'y': expected an array of 2 numbers or texts"),
        ({"x": np.ones((2, 2), complex), "y": np.ones(2)}, "'x': expected an array of numbers"),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, "'x': expected an array of numbers"),
        ({"x": np.array([[1, 2], [3, np.inf]]), "y": np.ones(2)}, "'x', row 1, column 1"),
        ({"x": np.array([[Trap()]], dtype=object), "y": np.ones(1)}, "allow_pickle"),
    ],
)
def test_what_is_wrong_with_an_npz_file_is_told(tmp_path, arrays, words):
    with pytest.raises(DataError, match="^" + str(tmp_path)) as refusal:
        npz(tmp_path / "a.npz", **arrays)
    assert words in str(refusal.value)


def damaged():
    whole = io.BytesIO()
    np.savez_compressed(whole, x=np.arange(1000.0).reshape(500, 2), y=np.arange(500))
    content = bytearray(whole.getvalue())
    yield "cut", bytes(content[:-40])
    yield "a byte left out", bytes(content[:50] + content[51:])  # the arrays begin before the file
    content[200:260] = bytes(60)
    yield "overwritten", bytes(content)
    yield "text", b"a,b\n1,2\n"
    yield "pickle", pickle.dumps(Trap())
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00")
    yield "header", other.getvalue()


@pytest.mark.parametrize("content", [pytest.param(c, id=name) for name, c in damaged()])
def test_a_damaged_npz_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="^" + str(path)):
        data.table(path, "y")


@pytest.mark.parametrize("option", ["--ignore a", "--category a", "--delimiter ;", "--columns a"])
def test_options_for_named_columns_are_refused_for_an_npz_file(run, here, option):
    np.savez(here / "a.npz", x=np.eye(2), y=[0, 1])
    assert option.split()[0] in run("train", "--data", "a.npz", *option.split(), code=1)[1]


def test_inputs_are_an_option_of_an_npz_file(run):
    words = ("train", "--data", "iris.csv", "--target", "species", "--inputs", "x")
    assert "--inputs: expected an NPZ file, got iris.csv" in run(*words, code=1)[1]
