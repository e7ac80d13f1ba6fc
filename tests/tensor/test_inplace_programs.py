"""Changes in place, views and all else combined at random: a right gradient, or an error."""

import numpy as np

from minidl import Tensor, maximum
from minidl.errors import GraphError


class Program:
    """Random operations on a pool of tensors, among them views and changes in place.

    The choices depend on the seed alone, never on values, so that the same program can be run
    for weights that differ a little. A step that raises GraphError is left out.
    """

    def __init__(self, seed: int, weights: np.ndarray) -> None:
        self.random = np.random.default_rng(seed)
        self.weights = Tensor(weights.copy(), requires_grad=True)
        self.pool = [self.weights, self.weights * 1, Tensor(np.linspace(0.5, 1.5, 4)), self.weights]
        self.refused = 0
        for _ in range(8):
            try:
                self.step()
            except GraphError:
                self.refused += 1
        parts = []
        for x in self.pool:
            factor = self.random.uniform(0.5, 1.5)
            try:
                parts.append((x * factor).sum())
            except GraphError:
                self.refused += 1
        self.loss = sum(parts)

    def pick(self) -> Tensor:
        return self.pool[self.random.integers(len(self.pool))]

    def index(self, x: Tensor) -> object:
        """A valid index of one of NumPy's kinds."""
        n = len(x)
        mask = self.random.random(n) < 0.5
        mask[0] = True
        kinds = [
            int(self.random.integers(n)), slice(0, max(n - 1, 1)), slice(None, None, -1), ...,
            list(self.random.integers(n, size=2)), mask,
        ]  # fmt: skip
        return kinds[self.random.integers(len(kinds))]

    def step(self) -> None:
        x, y = self.pick(), self.pick()
        number = self.random.uniform(0.5, 1.5)
        vector = x.ndim == 1
        kind = self.random.integers(12)
        if kind == 0:
            self.pool.append(x.tanh())
        elif kind == 1:
            self.pool.append((x * 0.3).exp())
        elif kind == 2:
            self.pool.append(x * number + 1)
        elif kind == 3:
            self.pool.append(x + y.mean() if x.shape != y.shape else x * y)
        elif kind == 4:
            self.pool.append(x[self.index(x)] if vector else x.reshape(1))
        elif kind == 5:
            self.pool.append(x.reshape(-1)[::-1])
        elif kind == 6:
            x += y if x.shape == y.shape else y.mean()
        elif kind == 7:
            x *= number
        elif kind == 8:
            x -= 0.1 * (y * y).mean()
        elif kind == 9 and vector:
            x[self.index(x)] = y.mean() if self.random.random() < 0.7 else number
        elif kind == 10 and vector:
            x[self.index(x)] += 0.5 * y.mean()
        elif kind == 11:
            self.pool.append(maximum(x, 0.9 * y.mean()))


def test_no_program_gives_a_wrong_gradient():
    """Of many random programs each gives the gradient of central differences or an error."""
    weights = np.array([0.61, 0.87, 1.13, 1.39])
    step = 1e-6
    right = 0
    for seed in range(400):
        program = Program(seed, weights)
        try:
            program.loss.backward()
        except GraphError:
            continue
        wanted = np.zeros(4)
        for i in range(4):
            losses = []
            for sign in (1, -1):
                moved = weights.copy()
                moved[i] += sign * step
                losses.append(Program(seed, moved).loss.item())
            wanted[i] = (losses[0] - losses[1]) / (2 * step)
        scale = 1 + np.abs(wanted).max()
        np.testing.assert_allclose(
            program.weights.grad, wanted, rtol=1e-5, atol=1e-6 * scale, err_msg=f"seed {seed}"
        )
        right += 1
    assert right > 100, "most programs should get as far as a gradient"
