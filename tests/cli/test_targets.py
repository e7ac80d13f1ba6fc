"""The target of a table, and how rows are prepared for a net."""

import numpy as np
import pytest
from cli_data import npz, table

from minidl.data import Encoder
from minidl.errors import DataError
from minidl.tables import targets

# ---- targets ------------------------------------------------------------------------------------


def of_values(*values):
    rows = "".join(f'{i * i},"{value}"\n' for i, value in enumerate(values))
    return "a,kind\n" + rows


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["x", "y"], "classification"),
        (["0", "1"], "classification"),
        (["1", "2", "x"], "classification"),
        (["-1", "+1"], "classification"),
        (["0", "1.5"], "regression"),
        (["1.0", "0.0"], "classification"),
        (["1.000e+00", "0.000e+00"], "classification"),
        (["12345678901234567890", "12345678901234567891"], "classification"),
        ([f"{i}.0" for i in range(30)], "regression"),
        ([i % 15 for i in range(40)], "classification"),
        ([1 + i % 20 for i in range(40)], "classification"),
        ([i % 21 for i in range(500)], "regression"),
        ([2 + i % 6 for i in range(500)], "regression"),
        ([4, 6, 8] * 10, "classification"),
        ([4, 6, 8] * 9, "regression"),
        ([0, 1, 2, 3, 7, 12] * 50, "regression"),
        (range(12), "regression"),
        (range(30), "regression"),
        ([i % 40 for i in range(500)], "regression"),
        ([1900 + i % 40 for i in range(500)], "regression"),
        ([f"street {i % 40}" for i in range(200)], "classification"),
    ],
)
def test_the_target_says_what_is_learned(tmp_path, values, task):
    assert targets.task_of(table(tmp_path / "a.csv", of_values(*values))) == task


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([10**20 + i for i in range(30)], 2),
        ([*(i % 40 for i in range(500)), "many"], 502),
        ([*(i + 0.5 for i in range(30)), "n.d."], 32),
        (["0.5", "1.5", "low"], 4),
        ([f"name {i}" for i in range(30)], 2),
        ([f"{i}%" for i in range(21)] * 9, 2),
        ([f"$1,{i:03}" for i in range(21)] * 9, 2),
    ],
    ids=["ids", "counts and a text", "sizes and a text", "few", "names", "shares", "prices"],
)
def test_a_doubtful_target_is_refused(tmp_path, values, line):
    with pytest.raises(DataError, match=rf"line {line}, 'kind': .*--task classification"):
        targets.task_of(table(tmp_path / "a.csv", of_values(*values)))


@pytest.mark.parametrize(
    ("values", "names", "labels"),
    [
        (["10", "9", "10"], ["9", "10"], [1, 0, 1]),
        (["10", "9", "x"], ["10", "9", "x"], [0, 1, 2]),
        (["b", " a ", "B"], ["B", "a", "b"], [2, 1, 0]),
        (["01234", "00999", "01234"], ["00999", "01234"], [1, 0, 1]),
        (["+1", "-1"], ["-1", "+1"], [1, 0]),
        (["1.0", "0.0"], ["0.0", "1.0"], [1, 0]),
        ([10**20 + 1, 10**20], [str(10**20), str(10**20 + 1)], [1, 0]),
    ],
)
def test_classes_and_labels(tmp_path, values, names, labels):
    found = table(tmp_path / "a.csv", of_values(*values))
    assert targets.class_names(found) == names
    assert targets.labels(found, names).tolist() == labels


def test_a_class_is_known_by_its_number_too(tmp_path):
    found = table(tmp_path / "a.csv", of_values("2.0", "01", "+1", "2"))
    assert targets.labels(found, ["1", "2"]).tolist() == [1, 0, 0, 1]


def labels_of_x_and_z(found):
    targets.labels(found, ["x", "z"])


@pytest.mark.parametrize(
    ("read", "values", "words"),
    [
        (labels_of_x_and_z, ["x", "y"], "line 3, 'kind': expected one of x, z, got 'y'"),
        (targets.require_two, ["x", "x"], "two different values or more, got 'x' alone"),
        (targets.class_names, ["1", "01"], "one spelling of a class, got '01' and '1'"),
        (targets.class_names, ["0", "0.0", "2"], "one spelling of a class, got '0' and '0.0'"),
        (targets.numbers, ["1", "y"], "line 3, 'kind': expected a number, got 'y'"),
        (targets.numbers, ["1", "inf"], "line 3, 'kind': expected a number, got 'inf'"),
        (targets.numbers, ["1", "1e400"], "line 3, 'kind': expected a number, got '1e400'"),
        (targets.numbers, ["1", "1,500"], "line 3, 'kind': expected a number, got '1,500'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_target(tmp_path, read, values, words):
    with pytest.raises(DataError) as refusal:
        read(table(tmp_path / "a.csv", of_values(*values)))
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "missing", ["", "NA", "N/A", "nan", "NaN", "None", "null", "NULL", "?", "<NA>", "-"]
)
def test_rows_without_a_target_are_left_out_and_told(tmp_path, missing):
    found = table(tmp_path / "a.csv", of_values("x", missing, "y", missing))
    assert (found.values, list(found.places)) == (["x", "y"], [2, 4])
    assert "2 rows without kind, left out" in str(found)


# ---- the encoder --------------------------------------------------------------------------------


def test_means_and_deviations_are_those_of_the_rows_that_are_trained_on(tmp_path):
    found = table(tmp_path / "a.csv", "a,b,kind\n1,5,0.5\n3,5,1.5\n100,7,9.5\n")
    made = Encoder.of(found, [0, 1], None, None)
    np.testing.assert_allclose(made.encode(found), [[-1, 0], [1, 0], [98, 2]])  # b does not vary
    np.testing.assert_allclose(made.targets(found), [[-1], [1], [17]])
    np.testing.assert_allclose(made.answers(made.targets(found)), [0.5, 1.5, 9.5])


def test_without_standardisation_numbers_stay(tmp_path):
    found = table(tmp_path / "a.csv", "a,kind\n1,0.5\n3,1.5\n")
    made = Encoder.of(found, [0, 1], None, False)
    np.testing.assert_array_equal(made.encode(found), [[1], [3]])
    np.testing.assert_array_equal(made.answers(made.targets(found)), [0.5, 1.5])


def test_pixels_stay_pixels_unless_they_are_to_be_standardised(tmp_path):
    found = npz(tmp_path / "a.npz", x=np.array([[0], [255]], np.uint8), y=np.array([0, 1]))
    assert Encoder.of(found, [0, 1], None, None).encode(found).dtype == np.uint8
    np.testing.assert_allclose(
        Encoder.of(found, [0, 1], None, True).encode(found), [[-1], [1]], rtol=1e-6
    )


def test_numbers_beyond_float32(tmp_path):
    found = table(tmp_path / "a.csv", "a,kind\n1,x\n1e300,y\n")
    made = Encoder.of(found, [0, 1], None, False)
    with pytest.raises(DataError, match=r"line 3, column 'a': expected a number that float32"):
        made.encode(found)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_numbers_of_any_size_are_standardised(tmp_path, size):
    numbers = [1.0, 2.0, 4.0]
    rows = "".join(f"{number * size!r},{number * size!r}\n" for number in numbers)
    found = table(tmp_path / "a.csv", "a,kind\n" + rows)
    made = Encoder.of(found, range(3), "regression", None)
    wanted = (np.array(numbers) - np.mean(numbers)) / np.std(numbers)
    np.testing.assert_allclose(made.encode(found)[:, 0], wanted, rtol=1e-6)
    np.testing.assert_allclose(made.targets(found)[:, 0], wanted, rtol=1e-6)
    np.testing.assert_allclose(
        made.answers(made.targets(found)), np.array(numbers) * size, rtol=1e-6
    )


def test_a_target_beyond_float32(tmp_path):
    found = table(tmp_path / "a.csv", "a,kind\n1,0.5\n2,1e300\n")
    with pytest.raises(DataError, match=r"line 3, 'kind': expected a number that float32 holds"):
        Encoder.of(found, [0, 1], None, False).targets(found)
