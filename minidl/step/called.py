"""A step in the kernels whose loss is a user's own function."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from ..engine.tensor import Tensor
from ..errors import Unplanned
from ..layers.plan import Instruction
from ..optim.compiled import Rule
from .program import Program, live_in


class CalledLoss(NamedTuple):
    """A loss that is not declared: a function of a batch's outputs and targets."""

    function: Callable[..., Tensor]
    targets: Any
    weights: Any  # of the batch's rows, or None

    def check_batches(self, order: np.ndarray | None, batch: int) -> None:
        """No check: nothing is known of such a loss beforehand."""

    def of(self, outputs: Tensor) -> Tensor:
        """The loss of these outputs."""
        if self.weights is None:
            return self.function(outputs, self.targets)
        return self.function(outputs, self.targets, sample_weight=self.weights)


class CalledProgram(Program):
    """Two kernel calls for a step: forward, and backward with the updates. Between them the tape
    computes the loss and its gradient, as the loop does."""

    def assemble(
        self, first: list[Instruction], each: list[Instruction], for_group: list[Instruction],
        last: list[Instruction],
    ) -> None:  # fmt: skip
        """Makes both kernels, which share their memory."""
        loss = [instruction.name for instruction in each].index("loss")
        there = each[:loss]
        back = [one for one in each[loss + 1 :] if one.name != "total loss"]
        self.kernel = self.kernel_of([], there, [], [])
        self.back = self.kernel_of([], back, for_group, [])
        self.live = [(self.kernel, live_in(there)), (self.back, live_in(back))]
        self.lists = {"forward": there, "and when the loss was called": [*back, *for_group]}

    def train_by(
        self, x: np.ndarray, loss: CalledLoss, rules: Mapping[int, Rule], coefficients: np.ndarray,
        changes: list[_kernels.Change], squares: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """A step on the batch x, like `train`. Unplanned, and no step, if the loss depends on more
        than the outputs."""
        before = [buffer.copy() for buffer in self.net.buffers]
        gradients = [p.grad for p in self.parameters]
        self.take_in(rules)
        self.on_team("predict", rules, x, None)
        outputs = Tensor(self.slots[self.outputs.numbers][: len(x)].copy(), requires_grad=True)
        value = loss.of(outputs)
        value.backward()
        is_alone = all(p.grad is g for p, g in zip(self.parameters, gradients, strict=True))
        if outputs.grad is None or not is_alone:
            for buffer, values in zip(self.net.buffers, before, strict=True):
                buffer[...] = values
            raise Unplanned("a loss of more than the outputs", "weight_decay for a penalty")
        self.slots[self.outputs.gradient][: len(x)] = outputs.grad.data
        losses = np.array([value.item()])
        changes = changes + self.own_changes(1)
        arguments = (x, None, None, coefficients, losses, squares, changes)
        if self.back.train(*arguments) != self.threads:
            self.back.order = 1  # a smaller team: one thread does all the work
            self.back.train(*arguments)
            self.back.order = 0
        return losses
