"""Programs of tensor operations, whose text is the same in minidl and in PyTorch."""

from types import ModuleType
from typing import Any

import numpy as np

from peers.timing import seconds_per_call

OPERATIONS = (
    "a + b", "a - b", "a * b", "a / b", "a ** 2", "a.exp()", "a.log()", "a.tanh()", "a.sqrt()",
    "a.abs()", "a @ b", "a.sum()", "a.mean()", "a.max()", "a.reshape(-1)", "a.T", "a[1]",
    "F.relu(a)",
)  # fmt: skip

LR = 0.01
BATCH, IMAGE, WINDOW, FILTERS, CLASSES = 256, 28, 3, 8, 10
PLACES = (IMAGE - WINDOW + 1) ** 2  # of the window in an image
ROWS, COLUMNS = 1_000, 100

Code = tuple[tuple[str, ...], dict[str, Any]]  # expressions, and the names in them


class Programs:
    """Every float tensor wants its gradient, so all operations are recorded."""

    library: ModuleType
    F: ModuleType

    def turn(self, program: str, budget: float, **options: Any) -> dict[str, dict[str, float]]:
        """The seconds that each expression of a program takes, and its value's mean."""
        expressions, names = getattr(self, program)(**options)
        return {
            text: {
                "value": float(np.abs(eval(text, names).detach().numpy()).mean()),
                "seconds": seconds_per_call(text, budget / len(expressions), names),
            }
            for text in expressions
        }

    def tensors(self, *shapes: tuple[int, ...]) -> list[Any]:
        """Numbers between 1/2 and 3/2, for which every operation is defined."""
        rng = np.random.default_rng(0)
        arrays = (rng.uniform(0.5, 1.5, shape).astype(np.float32) for shape in shapes)
        return [self.library.tensor(array, requires_grad=True) for array in arrays]

    def operations(self, size: int) -> Code:
        """Each operation forward, on matrices of one size."""
        a, b = self.tensors((size, size), (size, size))
        return OPERATIONS, {"a": a, "b": b, "F": self.F}

    def graph(self, size: int) -> Code:
        """Eight operations forward and backward: @ + relu * tanh - ** mean."""
        F, (a, b, c) = self.F, self.tensors(*3 * [(size, size)])

        def graph() -> Any:
            for tensor in (a, b, c):
                tensor.grad = None
            h = F.relu(a @ b + c)
            loss = (((h * a).tanh() - b) ** 2).mean()
            loss.backward()
            return a.grad

        return ("graph()",), {"graph": graph}

    def convolution(self) -> Code:
        """A step of a convolution (im2col: an index gathers the windows, which are multiplied by
        the filters), ReLU and a dense layer, by gradient descent."""
        F, no_grad = self.F, self.library.no_grad
        labels = self.library.tensor(np.arange(BATCH) % CLASSES)
        x, *parameters = self.tensors(
            (BATCH, IMAGE**2), (WINDOW**2, FILTERS), (FILTERS,), (PLACES * FILTERS, CLASSES)
        )
        filters, bias, weight = parameters
        pixels = np.arange(IMAGE**2).reshape(IMAGE, IMAGE)
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (WINDOW, WINDOW))
        index = windows.reshape(PLACES, WINDOW**2)

        def step() -> Any:
            for tensor in (x, *parameters):
                tensor.grad = None
            h = F.relu(x[:, index] @ filters + bias)
            loss = F.cross_entropy(h.reshape(BATCH, -1) @ weight / PLACES, labels)
            loss.backward()
            with no_grad():
                for tensor in parameters:
                    tensor -= LR * tensor.grad
            return x.grad

        return ("step()",), {"step": step}

    def views(self) -> Code:
        """Every row of a matrix as a view, stacked and summed, forward and backward."""
        stack, (x,) = self.library.stack, self.tensors((ROWS, COLUMNS))

        def views() -> Any:
            x.grad = None
            stack([x[i] for i in range(ROWS)]).sum().backward()
            return x.grad

        return ("views()",), {"views": views}
