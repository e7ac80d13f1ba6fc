"""A gradient penalty: a critic measures the distance between two clouds of points.

The Wasserstein distance is the largest difference of the means of f over the two clouds, among all
functions f with slopes of at most 1. A penalty on the gradient with respect to its input,
w (|df/dx| - 1)², makes a net nearly such a function; the gradient of the penalty is of second
order. The clouds are normal distributions with centres 5 apart, so 5 is their distance; the slope
ends 5 / 2w above 1. Without the penalty, slope and difference only grow.

    python examples/gradient_penalty.py

Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved training of Wasserstein GANs", NeurIPS
2017.
"""

import argparse

import numpy as np

import minidl
from minidl import nn, optim

CENTRES = np.array([[0, 0], [3, 4]], np.float32)
WEIGHT = 100  # of the penalty; the paper's is 10


def clouds(n: int, rng: np.random.Generator) -> np.ndarray:
    """n points of either cloud, (2, n, 2)."""
    return CENTRES[:, None] + rng.standard_normal((2, n, 2), dtype=np.float32)


def difference(critic: nn.Layer, points: np.ndarray) -> minidl.Tensor:
    """The critic's mean over the second cloud, minus that over the first."""
    first, second = points
    return critic(second).mean() - critic(first).mean()


def slopes(critic: nn.Layer, points: np.ndarray, rng: np.random.Generator) -> minidl.Tensor:
    """|df/dx| at random places between the pairs of points."""
    share = rng.random((points.shape[1], 1), dtype=np.float32)
    x = minidl.tensor(points[0] + share * (points[1] - points[0]), requires_grad=True)
    (slope,) = minidl.grad(critic(x).sum(), x, create_graph=True)
    return ((slope * slope).sum(axis=1) + 1e-12).sqrt()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=600, help="default: 600")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    arguments = parser.parse_args(argv)
    rng = np.random.default_rng(arguments.seed)
    test = clouds(10_000, rng)
    print(f"true distance {np.linalg.norm(CENTRES[1] - CENTRES[0]):.3f}")
    for weight in (WEIGHT, 0):
        minidl.manual_seed(arguments.seed)
        critic = nn.MLP([2, 64, 64, 1], "softplus")
        optimizer = optim.Adam(critic.parameters(), lr=2e-3)
        for _ in range(arguments.steps):
            points = clouds(128, rng)
            loss = -difference(critic, points)
            if weight:
                loss = loss + weight * ((slopes(critic, points, rng) - 1) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found, slope = difference(critic, test).item(), slopes(critic, test, rng).numpy()
        print(f"penalty {weight:3}: distance {found:.3f}, "
              f"slope {slope.mean():.3f} ± {slope.std():.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
