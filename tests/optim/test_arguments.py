"""What optimisers refuse, and that nothing is changed then."""

import math

import numpy as np
import pytest
from optimizer_rules import RULES

import minidl
from minidl.errors import ArgumentError, DTypeError, MinidlError, ShapeError
from minidl.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RAdam, RMSprop


def parameter(value):
    return minidl.tensor([value], requires_grad=True)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        *((rule, {"lr": lr}) for rule in RULES
          for lr in (0, -0.1, math.nan, math.inf, "0.1", None, True)),
        (SGD, {"lr": 0.1, "momentum": -0.1}),
        (SGD, {"lr": 0.1, "momentum": math.nan}),
        (SGD, {"lr": 0.1, "dampening": math.inf, "momentum": 0.9}),
        (SGD, {"lr": 0.1, "weight_decay": -1}),
        (SGD, {"lr": 0.1, "nesterov": True}),
        (SGD, {"lr": 0.1, "nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        (SGD, {"lr": 0.1, "nesterov": 1, "momentum": 0.9}),
        (Adam, {"betas": (0.9, 1.0)}),
        (Adam, {"betas": (-0.1, 0.9)}),
        (Adam, {"betas": (math.nan, 0.9)}),
        (Adam, {"betas": (0.9,)}),
        (Adam, {"betas": 0.9}),
        (Adam, {"eps": -1e-8}),
        (AdamW, {"weight_decay": math.inf}),
        (RMSprop, {"alpha": 1.0}),
        (RMSprop, {"momentum": -1}),
        (RMSprop, {"centered": "yes"}),
        (Adagrad, {"lr_decay": -1}),
        (Adagrad, {"initial_accumulator_value": -1}),
        (Adam, {"amsgrad": 1}),
        *((rule, {"lr": 0.1, "maximize": "yes"}) for rule in RULES),
        (NAdam, {"momentum_decay": -0.1}),
        (NAdam, {"decoupled_weight_decay": 0}),
        (RAdam, {"decoupled_weight_decay": None}),
        (Adadelta, {"rho": 1}),
        (Lion, {"betas": (0.9, 1)}),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(rule, options):
    w = parameter(1.0)
    with pytest.raises(ArgumentError, match=f"^{rule.__name__}: expected"):
        rule([w], **options)
    with pytest.raises(ArgumentError, match=f"^{rule.__name__}: expected"):
        rule([{"params": [w], **options}], **({"lr": 0.1} if rule is SGD else {}))


@pytest.mark.parametrize(
    ("params", "error", "got"),
    [
        (lambda w: [], ArgumentError, "got none"),
        (lambda w: iter(()), ArgumentError, "got none"),
        (lambda w: [{"params": []}], ArgumentError, "got none"),
        (lambda w: w, DTypeError, "got one tensor"),
        (lambda w: 3, DTypeError, "got int"),
        (lambda w: None, DTypeError, "got NoneType"),
        (lambda w: {w}, DTypeError, "got a set"),
        (lambda w: [w, w.data], DTypeError, "got ndarray"),
        (lambda w: [("name", w)], DTypeError, "got tuple"),
        (lambda w: "w", DTypeError, "got str"),
        (lambda w: [w, {"params": [parameter(1.0)]}], DTypeError, "some of each"),
        (lambda w: [w, parameter(2.0), w], ArgumentError, "number 2 again"),
        (lambda w: [{"params": [w]}, {"params": [w]}], ArgumentError, "number 0 again"),
        (lambda w: [w, minidl.tensor([1.0])], ArgumentError, "requires_grad=False"),
        (lambda w: [w * 2], ArgumentError, "made by multiply"),
        (lambda w: [{"params": [w], "rate": 1}], ArgumentError, "an unknown 'rate'"),
        (lambda w: [{"lr": 1}], ArgumentError, "no 'params'"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(params, error, got):
    with pytest.raises(error, match=got):
        SGD(params(parameter(1.0)), lr=0.1)


def test_a_group_that_is_refused_leaves_the_optimiser_as_it_was():
    w, b = parameter(1.0), parameter(2.0)
    optimizer = SGD([w], lr=0.1)
    for group in [{"params": [b, w]}, {"params": [b], "lr": 0}, {"params": [b], "x": 1}, [b], b]:
        with pytest.raises(MinidlError):
            optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [b]})
    assert len(optimizer.param_groups) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lr", -1.0),
        ("lr", math.nan),
        ("lr", "1"),
        ("momentum", -1),
        ("nesterov", True),
        ("rate", 1),
    ],
)
def test_options_set_later_are_checked_before_anything_is_changed(name, value):
    w, b = parameter(1.0), parameter(2.0)
    optimizer = SGD([{"params": [w]}, {"params": [b]}], lr=0.1)
    w.grad = b.grad = minidl.tensor([1.0])
    optimizer.param_groups[1][name] = value
    with pytest.raises(ArgumentError, match=name):
        optimizer.step()
    assert (w.data, b.data) == ([1.0], [2.0])


def test_an_option_changed_within_is_checked_too():
    w = parameter(1.0)
    optimizer = Adam([w], betas=[0.9, 0.999])
    w.grad = minidl.tensor([1.0])
    optimizer.step()
    before = w.data.copy()
    optimizer.param_groups[0]["betas"][1] = 1.5
    with pytest.raises(ArgumentError, match="betas"):
        optimizer.step()
    assert w.data == before


def test_a_group_keeps_its_options_and_parameters():
    w = parameter(1.0)
    optimizer = SGD([w], lr=0.1)
    optimizer.param_groups[0]["params"] = [parameter(2.0)]
    with pytest.raises(ArgumentError, match="add_param_group"):
        optimizer.step()
    optimizer = SGD([w], lr=0.1)
    del optimizer.param_groups[0]["momentum"]
    with pytest.raises(ArgumentError, match="no 'momentum'"):
        optimizer.step()


@pytest.mark.parametrize(
    ("grad", "error"),
    [
        (minidl.tensor([1.0, 2.0]), ShapeError),
        (minidl.tensor(1.0), ShapeError),
        (minidl.tensor([1.0], dtype="float64"), DTypeError),
        (np.ones(1, np.float32), DTypeError),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused_before_anything_is_changed(grad, error):
    w, b = parameter(1.0), parameter(2.0)
    optimizer = Adam([w, b])
    w.grad = minidl.tensor([1.0])
    b.grad = grad
    with pytest.raises(error):
        optimizer.step()
    assert (w.data, b.data) == ([1.0], [2.0])
    assert optimizer.state_dict()["parameters.0.steps"] == 0
