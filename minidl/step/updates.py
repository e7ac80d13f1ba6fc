"""The end of a training step: from the backward pass to new weights."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from .. import _kernels
from ..layers.plan import Builder, Instruction, Place
from .options import Options


class Updates:
    """The instructions after a net's backward pass, and what they need.

    `in_parts`: dW is computed in parts, each of which updates W at once. `whole`: a gradient is
    complete in memory if nothing computes it in parts, if its parameter is used more than once, if
    the norm of all gradients is bounded (it has to be known before the first update), or if the
    gradients of several batches are added up. `packed` weights lie in panels, with the arguments of
    their layers' instructions; a short program has none.
    """

    def __init__(self, builder: Builder, options: Options, is_short: bool) -> None:
        self.builder, self.options = builder, options
        needs_whole = options.clip_norm is not None or options.accumulate > 1
        self.in_parts = [m for m in builder.matrices if not needs_whole and self.uses(m) == 1]
        parts = {update.arguments["W"] for update in self.in_parts}
        self.whole = [place for place in builder.gradients if place not in parts]
        self.sums = {p: self.memory(p) for p in self.whole if options.accumulate > 1}
        may_be_packed = [] if is_short else builder.packable()
        self.packed = {of["W"]: of for of in may_be_packed if of["W"] not in self.whole}
        sizes = np.array([builder.parameters[place].size for place in self.whole], int)
        ends = np.cumsum(-(-sizes // _kernels.norms.SQUARED)).tolist()
        # The blocks of each gradient, by parameter, and in the order in which they are summed.
        self.blocks = dict(zip(self.whole, pairwise([0, *ends]), strict=True))
        self.order = np.zeros((len(self.whole), 2), np.int64)

    def uses(self, matrix: Instruction) -> int:
        """How many gradients a dense layer's weights have."""
        return len(self.builder.gradients.get(matrix.arguments["W"], ()))

    def gradients(self) -> Iterator[Instruction]:
        """All whole gradients; those of a group's batches are added up."""
        for place in self.whole:
            yield from self.gradient(place)
        for place, memory in self.sums.items():
            yield Instruction("add to sum", self.of(place) | {"memory": memory})

    def updates(self) -> Iterator[Instruction]:
        """Updates every parameter that wants a gradient, by the optimiser's rule."""
        for update in self.in_parts:
            outputs, itemsize = update.arguments["outputs"], self.builder.dtype.itemsize
            batch = self.builder.batch
            self.builder.room(_kernels.weights.scratch_numbers(batch, outputs, itemsize))
            yield update
        for place, memory in self.sums.items():
            yield Instruction("mean of sum", self.of(place) | {"memory": memory})
        if self.options.clip_norm is not None:
            yield from self.clip(self.options.clip_norm)
        for place in self.whole:
            yield Instruction("update", self.of(place))
        if self.options.max_norm is not None:
            yield from self.limit_columns(self.options.max_norm)

    def of(self, place: Place) -> dict[str, object]:
        """The arguments of an instruction that works on a parameter's elements."""
        return {"parameter": place, "group": self.builder.lanes}

    def memory(self, place: Place) -> np.ndarray:
        """Memory for another gradient of the parameter."""
        return np.empty(self.builder.parameters[place].size, self.builder.dtype)

    def gradient(self, place: Place) -> Iterator[Instruction]:
        """The gradient of a parameter; its uses are added up in the order of the backward pass."""
        *others, last = self.builder.gradients[place]
        yield last
        for gradient in reversed(others):
            arguments = self.of(place) | {"memory": self.memory(place)}
            yield Instruction("put gradient aside", arguments)
            yield gradient
            yield Instruction("add gradient", arguments)

    def clip(self, limit: float) -> Iterator[Instruction]:
        """Scales all gradients down so that their common norm is at most `limit`."""
        squares = np.empty(sum(end - first for first, end in self.blocks.values()))
        for place, (first, _) in self.blocks.items():
            of = {"parameter": place, "group": _kernels.norms.SQUARED, "first": first}
            yield Instruction("squares of gradient", of | {"squares": squares})
        scales = np.empty(self.builder.threads)
        norm = {"limit": limit, "squares": squares, "blocks": self.order, "scales": scales}
        yield Instruction("scale of gradients", norm)
        for place in self.whole:
            yield Instruction("clip gradient", self.of(place) | norm)

    def follow(self, parameters: Iterable[int]) -> None:
        """The squares are summed in the order of these parameters' ids, and of no others."""
        places = {id(self.builder.parameters[place]): place for place in self.whole}
        self.order[:] = 0
        for i, one in enumerate([places[one] for one in parameters if one in places]):
            self.order[i] = self.blocks[one]

    def limit_columns(self, limit: float) -> Iterator[Instruction]:
        """Bounds the norm of each unit's incoming weights, a column of a matrix."""
        for place in self.builder.gradients:
            shape = self.builder.parameters[place].shape
            if place in self.packed:
                yield Instruction("max norm of panels", self.packed[place] | {"limit": limit})
            elif len(shape) == 2:
                of = {"W": place, "rows": shape[0], "units": shape[1], "limit": limit}
                yield Instruction("max norm", of)
