"""NumPy's functions of tensors: right with their gradient, or refused; no gradient is lost."""

import io
import math

import numpy as np
import numpy_functions_tried as trial
import pytest
from support import leaf, numbers

from minidl import Tensor, concatenate, maximum, minimum, no_grad, stack, tensor, where
from minidl.engine.tensor.numpy_functions import INSTEAD, OPERATIONS
from minidl.errors import GraphError

VECTOR, OTHER, MATRIX = numbers(4), numbers(4, seed=1), numbers(3, 4)


def test_every_function_of_numpy_is_right_or_refused():
    outcomes = dict(trial.tried())
    bad = {name: o for name, o in outcomes.items() if o in (trial.LOST, trial.WRONG, trial.UNCLEAR)}
    assert not bad
    names = {function: name for name, function in trial.functions()}
    of_masks = {
        np.bitwise_and,
        np.bitwise_or,
        np.bitwise_xor,
        np.invert,
        np.left_shift,
        np.right_shift,
    }
    of_floats = OPERATIONS.keys() - of_masks - {np.einsum, np.arccosh}  # of a text; above 1
    assert outcomes["np.einsum(path, x)"] == trial.RIGHT
    of_comparisons = trial.NO_GRADIENT
    assert {outcomes[names[each]] for each in of_floats} == {trial.RIGHT, of_comparisons}
    assert sum(outcome == trial.REFUSED for outcome in outcomes.values()) > 500


def test_a_function_of_numpys_within_a_loss():
    """d/dw of 2 · sum(w) + |w| / 2 at [3, 4] is 2 + w / 2|w|."""
    w = leaf(3.0, 4.0)
    ((w * 2).sum() + 0.5 * np.sqrt(np.sum(w * w))).backward()
    np.testing.assert_allclose(w.grad, [2.3, 2.4], rtol=1e-15)
    with pytest.raises(GraphError, match=r"np.nansum: .*Try: where\(np.isnan\(x\), 0, x\)"):
        np.nansum(w)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda x: np.asarray(x), r"array: .*Try: x.numpy\(\).*x.detach\(\)"),
        (lambda x: np.array([x[0], x[1]]), r"x.detach\(\)"),
        (lambda x: np.ones(4).dot(x), r"x.detach\(\)"),
        (lambda x: np.vdot(x, x), r"np.vdot: .*\(x \* y\).sum\(\)"),
        (lambda x: np.linalg.norm(x, 1), r"np.linalg.norm: .*np.linalg.norm of x, axis, keepdims"),
        (lambda x: np.add.reduce(x), r"np.add.reduce: .*x.sum\(axis\)"),
        (lambda x: np.exp(x, out=np.empty(4)), r"np.exp: .*no out="),
        (lambda x: np.add(x, 1, dtype=float), r"np.add: .*np.add without options"),
        (lambda x: np.sum(x, initial=1), r"np.sum: .*np.sum of a, axis, dtype, keepdims alone"),
        (lambda x: np.copyto(np.empty(4), x), r"np.copyto: .*x\[...\] = y"),
        (lambda x: np.sinc(x), r"np.sinc: .*Try: x.detach\(\)"),
    ],
)  # fmt: skip
def test_a_refusal_names_what_to_type(use, message):
    x = leaf(*VECTOR)
    with pytest.raises(GraphError, match=message):
        use(x)
    for without in (x.detach(), Tensor(VECTOR)):
        use(without)
    with no_grad():
        use(x)


def test_what_is_refused_has_changed_nothing():
    x, array = leaf(*VECTOR), np.zeros(4)
    with pytest.raises(GraphError, match=r"np.add: .*Try: x = x \+ y for x \+= y"):
        array += x
    for write in (
        lambda: np.copyto(array, x), lambda: np.put(array, [0, 1, 2, 3], x),
        lambda: np.add.at(array, [0, 1, 2, 3], x), lambda: np.cumsum(x, out=array),
        lambda: np.place(array, array == 0, x), lambda: np.fill_diagonal(np.diag(array), x),
    ):  # fmt: skip
        with pytest.raises(GraphError):
            write()
    np.testing.assert_array_equal(array, 0)
    array += x.detach()
    np.testing.assert_array_equal(array, VECTOR)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: np.add(x, 1, out=x), lambda x: np.cumsum(VECTOR, out=x),
        lambda x: np.add.at(x, [0], 1), lambda x: np.put_along_axis(x, np.array([0]), 9, 0),
        lambda x: np.nan_to_num(x, copy=False), lambda x: np.cumsum(VECTOR, 0, None, x),
    ],
)  # fmt: skip
def test_no_function_writes_into_a_tensor_unnoticed(write):
    for x in (tensor(VECTOR), leaf(*VECTOR)):
        with pytest.raises(GraphError, match="Try"):
            write(x)
        np.testing.assert_array_equal(x.data, VECTOR)


def test_results_without_floats_and_files_are_of_the_values(tmp_path):
    x = leaf(*VECTOR)
    assert np.argmax(x) == VECTOR.argmax()
    assert np.allclose(x, VECTOR)
    assert not np.isnan(x).any()
    assert np.shape(x) == (4,)
    np.testing.assert_array_equal(np.zeros_like(x), np.zeros(4))
    np.save(file := io.BytesIO(), x)
    file.seek(0)
    np.testing.assert_array_equal(np.load(file), VECTOR)


def test_what_runs_in_training_runs_in_evaluation():
    """An operation gives a tensor whether it records or not."""
    x = leaf(*VECTOR)
    with no_grad():
        assert isinstance(np.maximum(x, 0), Tensor)
        assert isinstance(np.concatenate([x, x]), Tensor)
        assert isinstance(np.nansum(x), np.floating)


def test_other_arrays_have_their_turn():
    class Foreign:
        def __array_function__(self, function, types, arguments, options):
            return "foreign"

    assert np.concatenate([leaf(1.0), Foreign()]) == "foreign"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (np.add.reduce, (MATRIX, 1)), (np.maximum.reduce, (MATRIX, 1)),
        (np.minimum.reduce, (MATRIX, 1)), (np.add.outer, (VECTOR, OTHER)),
        (np.subtract.outer, (VECTOR, OTHER)), (np.multiply.outer, (VECTOR, OTHER)),
        (np.add.accumulate, (MATRIX, 1)), (np.multiply.reduce, (MATRIX, 1)),
        (np.multiply.accumulate, (MATRIX, 1)), (np.divmod, (VECTOR, OTHER)),
        (np.float_power, (VECTOR, OTHER)), (np.fmax, (VECTOR, OTHER)), (np.fmin, (VECTOR, OTHER)),
        (np.average, (VECTOR, None, OTHER)), (np.ptp, (MATRIX, 1)), (np.nansum, (VECTOR,)),
        (np.nanmax, (VECTOR,)), (np.nanmin, (VECTOR,)), (np.vdot, (VECTOR, OTHER)),
        (np.append, (VECTOR, OTHER)),
        (np.column_stack, ([VECTOR, OTHER],)), (np.diff, (VECTOR,)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_what_the_hints_say_gives_numpys_values(function, arguments):
    x, y = arguments[0], arguments[-1]
    x, y = x if isinstance(x, list) else (x, y)
    names = {
        "x": Tensor(x), "y": Tensor(np.asarray(y)), "weights": Tensor(np.asarray(y)), "axis": 1,
        "n": 2, "np": np, "math": math, "maximum": maximum, "minimum": minimum, "where": where,
        "concatenate": concatenate, "stack": stack,
    }  # fmt: skip
    expression, _, given = INSTEAD[function].partition(" with ")
    if given:
        names["i"] = eval(given.removeprefix("i = "), names)
    np.testing.assert_allclose(eval(expression, names), function(*arguments), rtol=1e-14)
