"""`Exchange`: from the shards' gradients to the gradient of a rank's slice."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from ..engine.tensor import Tensor
from ..optim.block import Block
from .ranks import Ranks
from .slices import Slice, parts


class Exchange:
    """The gradients of a block's parameters, for the shards of this rank, (shards, size).

    Each rank gets its slice of every shard's gradient, and adds them up in the order of the shards.
    So the bits depend on the number of shards, and not on that of the ranks. If there is one rank,
    the block is whole; else it is a `Slice`.
    """

    def __init__(self, block: Block, ranks: Ranks, shards: Sequence[int]) -> None:
        self.block, self.ranks, self.shards = block, ranks, list(shards)  # how many each rank has
        self.whole = block.whole if isinstance(block, Slice) else block
        self.sizes = block.sizes if isinstance(block, Slice) else [block.size]
        self.own = block.own if isinstance(block, Slice) else slice(0, block.size)
        self.kept = np.zeros((self.shards[ranks.rank], self.whole.size), block.dtype)
        self.total = np.empty(0, block.dtype)  # of this rank's slice

    def add(self, shard: int, gradients: Mapping[int, np.ndarray], share: float) -> None:
        """Adds share · gradients, by the parameters' ids, to those of this rank's shard."""
        kept = parts(self.kept[shard], self.whole)
        for p, sums in zip(self.whole.parameters, kept, strict=True):
            if id(p) in gradients:
                sums += gradients[id(p)] * self.block.dtype.type(share)

    def add_up(self, batches: int) -> None:
        """The total of all shards, and its mean over so many batches."""
        kept, mine = self.kept, self.sizes[self.ranks.rank]
        if self.ranks.size > 1:
            ends = np.cumsum(self.sizes)[:-1]
            ordered = [piece.reshape(-1) for piece in np.split(kept, ends, axis=1)]
            flat = kept.reshape(-1) if len(kept) == 1 else np.concatenate(ordered)
            sent = [len(kept) * size for size in self.sizes]
            received = [count * mine for count in self.shards]
            kept = self.ranks.exchange(flat, sent, received).reshape(sum(self.shards), mine)
        self.total = kept[0].copy()
        for gradient in kept[1:]:
            self.total += gradient
        if batches > 1:
            self.total *= 1 / batches
        self.kept[...] = 0

    def show(self, present: Collection[int]) -> None:
        """Gives every parameter its gradient, as a bound on their common norm needs all."""
        flat = self.ranks.gather(self.total, self.sizes)
        for p, g in zip(self.whole.parameters, parts(flat, self.whole), strict=True):
            p.grad = Tensor(g) if id(p) in present else None
        self.total = flat[self.own]

    def hand_over(self, present: Collection[int], operation: str) -> bool:
        """Gives what the optimiser steps the gradients of this rank's slice; returns whether there
        are any. `present` has the ids of the parameters that have one."""
        block, has_any = self.block, False
        if isinstance(block, Slice):
            block.begin(operation)
        pieces = np.split(self.total, block.starts[1:-1])
        for p, w, g in zip(self.whole.parameters, block.parameters, pieces, strict=True):
            is_stepped = id(p) in present and not (isinstance(block, Slice) and block.skips(w))
            w.grad = Tensor(g.reshape(w.shape)) if is_stepped else None
            has_any |= is_stepped
        return has_any
