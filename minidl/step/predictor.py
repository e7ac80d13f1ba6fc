"""`Predictor`: a net that predicts often, and is no longer trained."""

import copy
from collections import defaultdict
from threading import Lock
from typing import Any

import numpy as np

from .. import _kernels
from ..data.pixels import warn_unless_pixels
from ..engine.tensor import as_tensor
from ..errors import ArgumentError, ShapeError, explain
from ..layers.base import Layer
from ..layers.plan import Place, form_of
from .prediction import ROWS, predict
from .program import NotPlanned, Planned, Program, planned_or_not


class Predictor:
    """A net's outputs in evaluation: the same bits as predict(net, x), but faster.

        predictor = minidl.Predictor(net)
        y = predictor(x)                        (n, inputs) to (n, outputs)

    It copies the net when it is made, and packs the weights for the kernels once. Any number of
    threads may use it at the same time.

    x as for `predict`. ArgumentError for a net with a layer that has no plan: use `predict`.
    ShapeError or DTypeError for an x that does not fit.

    >>> from minidl import nn
    >>> predictor = Predictor(nn.MLP([3, 4, 2]))
    >>> predictor(np.zeros((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(self, net: Layer) -> None:
        self._net = copy.deepcopy(net).eval()
        self._planned: Planned | None = None  # until the width of the inputs is known
        self._packed: dict[Place, np.ndarray] = {}
        self._planning = Lock()
        # Programs that are not in use, by their number of threads. Each has its own working memory,
        # so a thread takes one out of a list while it uses it.
        self._idle: defaultdict[int, list[Program]] = defaultdict(list)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy packs the weights anew: kernels cannot be copied."""
        return Predictor, (self._net,)

    def __call__(self, x: Any) -> np.ndarray:
        """The outputs for the rows of x."""
        array = x if type(x) is np.ndarray else as_tensor(x, "Predictor").data
        planned = self._planned
        is_usual = planned is not None and array.shape[1:] == planned.form.shape
        if planned is None or not is_usual or array.dtype != planned.input_dtype:
            planned, array = self._checked(array)
        threads = _kernels.threads_for(planned.nanoseconds(len(array)))
        idle = self._idle[threads]
        try:
            program = idle.pop()
        except IndexError:
            program = Program(planned, ROWS, threads, False, learns=False, packed=self._packed)
        y = program.predict(array)
        idle.append(program)
        return y

    def _checked(self, x: np.ndarray) -> tuple[Planned, np.ndarray]:
        """The plan, and x in its form; raises the net's own error for an x that does not fit."""
        warn_unless_pixels("Predictor", x)
        if x.ndim == 0:
            raise ShapeError(explain("Predictor", "x of shape (batch, ...)", x.shape))
        with self._planning:
            if self._planned is None:
                self._plan(x)
        planned = self._planned
        assert planned is not None
        if not planned.takes(x):
            self._call(x)
            got = f"{x.shape} of {x.dtype}"
            shape = ", ".join(map(str, ("batch", *planned.form.shape)))
            expected = f"x of shape ({shape}) and dtype {planned.input_dtype}"
            raise ShapeError(explain("Predictor", expected, got))
        return planned, x

    def _plan(self, x: np.ndarray) -> None:
        """Plans the net for inputs like x, and packs its weights."""
        self._call(x)
        planned = planned_or_not(self._net, form_of(x))
        if isinstance(planned, NotPlanned):
            expected = "a net in which every layer has a plan"
            raise ArgumentError(explain("Predictor", expected, planned.what, planned.hint))
        program = Program(planned, ROWS, 1, False, learns=False)
        program.predict(np.zeros((1, *planned.form.shape), planned.input_dtype))
        program.kernel.is_ready = True
        self._packed = program.packed
        self._idle[1].append(program)
        self._planned = planned

    def _call(self, x: np.ndarray) -> None:
        """Calls the layers with a row of x, which raises if it does not fit."""
        predict(self._net, x[:1])
