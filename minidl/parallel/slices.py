"""`Slice`: the part of an optimiser's parameters, and of its state, that one rank keeps."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..optim.block import ARRAY, Block, same, writable
from .ranks import Ranks

AT_REST: Any = "a part of a gradient, only during a step of DataParallel"


def cuts(count: int, parts: int) -> np.ndarray:
    """Where a sequence is cut into parts that differ by at most one in length.

    >>> cuts(10, 4)
    array([ 0,  2,  5,  7, 10])
    """
    return np.arange(parts + 1) * count // parts


class Slice(Block):
    """A block whose parameters, end to end, are cut into a slice for each rank.

    Its own `parameters` are views of what lies in this rank's slice, empty for those that lie
    elsewhere. So an optimiser steps this part alone, and has state for no other; its state_dict is
    that of the whole block on every rank, whatever their number.

    Unless a rule works `by_element`, slices end where parameters do, as it may need a whole one.
    """

    def __init__(self, block: Block, ranks: Ranks, by_element: bool) -> None:
        self.whole, self.ranks, self.by_element = block, ranks, by_element
        ends = cuts(block.size, ranks.size)
        if not by_element:
            ends = block.starts[np.searchsorted(block.starts, ends)]
        self.sizes = np.diff(ends).tolist()  # of all ranks' slices
        first, end = ends[ranks.rank : ranks.rank + 2].tolist()
        self.own = slice(first, end)
        self.inner = np.clip(block.starts, first, end)  # where the views lie in the whole block
        self.seen: list[np.ndarray] = []  # the parameters' arrays that the views are of
        self.is_due = False  # whether the views have their gradients
        super().__init__(self._views(), block.indices)
        self.decays = block.decays
        self._adopt()

    def _views(self) -> list[Tensor]:
        whole, views = self.whole, []
        for p, start, first, end in zip(
            whole.parameters, whole.starts, self.inner, self.inner[1:], strict=False
        ):
            w = writable(p)
            is_whole = end - first == w.size > 0
            part = w.reshape(-1)[first - start :][: end - first]
            part = part.reshape(w.shape) if is_whole and not self.by_element else part
            views.append(Tensor(part, requires_grad=True))
            views[-1].grad = AT_REST
        self.seen = list(map(ARRAY, whole.parameters))
        return views

    def _adopt(self) -> None:
        """Takes over this rank's part of the whole block's state."""
        whole = self.whole
        self.state = {name: array[self.own].copy() for name, array in whole.state.items()}
        self.steps, self.kernel = whole.steps, None
        whole.state, whole.kernel = {}, None

    def check_arrays(self, operation: str) -> None:
        """As for the whole block. ArgumentError outside a step of `DataParallel`: nobody has added
        up the gradients of all ranks."""
        if not self.is_due:
            expected = "a step of DataParallel, as the ranks share this optimiser's state"
            raise ArgumentError(explain(operation, expected, "another", "a new optimiser"))
        super().check_arrays(operation)

    def begin(self, operation: str) -> None:
        """Views the parameters' present arrays; from now on a step is allowed."""
        if not same(list(map(ARRAY, self.whole.parameters)), self.seen):
            self.whole.check_arrays(operation)
            self.parameters = self._views()
        self.is_due = True

    def skips(self, view: Tensor) -> bool:
        """Whether the rule does not see this view, as another rank has the whole parameter."""
        return not self.by_element and view.size == 0

    def end(self, present: Collection[int]) -> None:
        """Sends this rank's weights to all others, after a step of the parameters with these ids,
        which counts on every rank."""
        own = [view.data.reshape(-1) for view in self.parameters]
        flat = self.ranks.gather(np.concatenate(own), self.sizes)
        pieces = parts(flat, self.whole)
        for k, (p, view, w) in enumerate(
            zip(self.whole.parameters, self.parameters, pieces, strict=True)
        ):
            view.grad = AT_REST
            if id(p) in present:
                writable(p)[...] = w
                p.mark_written()
                self.steps[k] += self.skips(view)
        self.is_due = False

    def saved(self, initial: dict[str, float]) -> dict[str, Any]:
        """The whole block's state, on every rank."""
        self.ranks.agree("the optimiser's state")
        self.ensure_state(initial)
        whole = self.whole
        whole.state = {name: self.ranks.gather(self.state[name], self.sizes) for name in initial}
        whole.steps = self.steps
        found = whole.saved(initial)
        whole.state = {}
        return found

    def check_saved(self, operation: str, state: Mapping[str, Any], names: Iterable[str]) -> None:
        """As for the whole block."""
        self.whole.check_saved(operation, state, names)

    def load(self, state: Mapping[str, Any], initial: dict[str, float]) -> None:
        """Takes this rank's part."""
        self.whole.load(state, initial)
        self._adopt()


def parts(flat: np.ndarray, block: Block) -> list[np.ndarray]:
    """What belongs to each of the block's parameters in an array of all of them, in its shape."""
    pieces = np.split(flat, block.starts[1:-1])
    return [piece.reshape(shape) for piece, shape in zip(pieces, block.shapes, strict=True)]
