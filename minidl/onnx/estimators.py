"""Estimators with their preparation: scalers before the net, labels and probabilities after it."""

import sys
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from .graph import Graph, Value
from .layers import Writer

# y = (x - shift) / scale, by the scaler's class; an attribute may be None.
SCALERS = {
    "StandardScaler": ("mean_", "scale_"),
    "MaxAbsScaler": ("", "scale_"),
    "RobustScaler": ("center_", "scale_"),
}
MIN_MAX = "MinMaxScaler"  # y = x · scale_ + min_
HINT = "a Layer, an MLPClassifier or MLPRegressor, or a Pipeline of scalers and one of these"


def known(room: str, *names: str) -> tuple[type, ...]:
    """Classes of a module, if it was imported: else nobody has made an object of them."""
    module = sys.modules.get(room)
    return tuple(getattr(module, name) for name in names) if module is not None else ()


def estimator_in(model: Any) -> tuple[Any, list[Any]]:
    """A model's estimator, and the scalers before it; ArgumentError for another model."""
    steps: list[Any] = [model]
    pipelines: Any = known("sklearn.pipeline", "Pipeline")
    if isinstance(model, pipelines):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
    *scalers, estimator = steps
    if not isinstance(estimator, known("minidl.sklearn", "MLPClassifier", "MLPRegressor")):
        raise ArgumentError(explain("onnx.save", HINT, f"a {type(estimator).__name__}"))
    if not hasattr(estimator, "coefs_"):
        raise ArgumentError(explain("onnx.save", "a fitted estimator", "one before fit"))
    for scaler in scalers:
        if type(scaler) not in known("sklearn.preprocessing", *SCALERS, MIN_MAX):
            expected = f"steps among {', '.join([*SCALERS, MIN_MAX])}"
            raise ArgumentError(explain("onnx.save", expected, f"a {type(scaler).__name__}"))
    return estimator, scalers


def add_estimator(graph: Graph, estimator: Any, scalers: list[Any]) -> None:
    """The scalers, the net, and what `predict` and `predict_proba` make of its outputs."""
    net, dtype = estimator._network(), estimator._dtype()
    features = scalers[0].n_features_in_ if scalers else estimator.n_features_in_
    x = graph.input("X", (features,), dtype)
    for n, scaler in enumerate(scalers):
        x = x._replace(name=scaled(graph, scaler, f"scaler_{n}", x))
    y = Writer(graph, net).add(net, x)
    if hasattr(estimator, "classes_"):
        add_labels(graph, estimator, y)
        return
    name = graph.node("Exp", y.name) if estimator.out_activation_ == "exp" else y.name
    graph.output(name, "variable", y.row, dtype)


def scaled(graph: Graph, scaler: Any, path: str, x: Value) -> str:
    """x after a scaler."""

    def apply(type: str, x_name: str, name: str) -> str:
        values = getattr(scaler, name, None)
        if values is None:
            return x_name
        constant = graph.constant(f"{path}.{name}", np.asarray(values, x.dtype))
        return graph.node(type, x_name, constant, path=path)

    if type(scaler).__name__ != MIN_MAX:
        shift, scale = SCALERS[type(scaler).__name__]
        if not getattr(scaler, "with_mean", True):
            shift = ""  # StandardScaler has a mean_ that it does not use
        return apply("Div", apply("Sub", x.name, shift), scale)
    y = apply("Add", apply("Mul", x.name, "scale_"), "min_")
    if not scaler.clip:
        return y
    low, high = (
        graph.constant(f"{path}.{name}", np.asarray(bound, x.dtype))
        for name, bound in zip(("low", "high"), scaler.feature_range, strict=True)
    )
    return graph.node("Clip", y, low, high, path=path)


def add_labels(graph: Graph, estimator: Any, y: Value) -> None:
    """The labels, and the probabilities or, of hinge, the scores."""
    outputs, classes = y.row[0], estimator.classes_
    is_multilabel = estimator._kind == "multilabel-indicator"
    if is_multilabel or outputs == 1:
        zero = graph.constant("zero", np.zeros((), y.dtype))
        place = graph.cast(graph.node("Greater", y.name, zero), np.int64)
    else:
        place = graph.node("ArgMax", y.name, axis=1, keepdims=0)
    if is_multilabel:
        graph.output(place, "label", y.row, np.int64)
    else:
        if outputs == 1:
            place = graph.node("Reshape", place, graph.constant("flat", np.array([-1])))
        add_label(graph, place, classes)
    if estimator.out_activation_ == "identity":
        graph.output(y.name, "scores", y.row, y.dtype)
        return
    if estimator.out_activation_ == "softmax":
        shares, row = graph.node("Softmax", y.name, axis=1), y.row
    else:
        shares, row = graph.node("Sigmoid", y.name), y.row
        if outputs == 1 and not is_multilabel:
            one = graph.constant("one", np.ones((), y.dtype))
            shares = graph.node("Concat", graph.node("Sub", one, shares), shares, axis=1)
            row = (2,)
    graph.output(shares, "probabilities", row, y.dtype)


def add_label(graph: Graph, place: str, classes: Any) -> None:
    """The class at each place."""
    names = np.asarray(classes)
    if names.dtype.kind in "iub":
        names = names.astype(np.int64) if names.dtype.kind != "b" else names
    elif all(isinstance(name, str) for name in names.tolist()):
        names = names.astype(object)
    elif names.dtype.kind != "f":
        expected = "classes that are texts or numbers"
        raise ArgumentError(explain("onnx.save", expected, repr(names.tolist()[0])))
    graph.output(
        graph.node("Gather", graph.constant("classes", names), place, axis=0),
        "label", (), names.dtype,
    )  # fmt: skip
