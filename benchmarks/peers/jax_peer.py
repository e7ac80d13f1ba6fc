"""JAX: an epoch is one compiled function, a scan over the batches, its state donated."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from nets import LR, MOMENTUM, first_weights, load_numbers, shuffled, toy

from peers.timing import megabytes, seconds_per_call, timed


def versions() -> dict[str, str]:
    return {"jax": jax.__version__}


State = tuple[list[jax.Array], list[jax.Array]]


def forward(weights: list[jax.Array], x: jax.Array) -> jax.Array:
    layers = list(zip(weights[::2], weights[1::2], strict=True))
    for W, b in layers[:-1]:
        x = jax.nn.relu(x @ W + b)
    W, b = layers[-1]
    return x @ W + b


def mean_loss(weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
    log_p = jax.nn.log_softmax(forward(weights, x))
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def step(state: State, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
    weights, velocity = state
    loss, gradients = jax.value_and_grad(mean_loss)(weights, x, y)
    velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, gradients)
    weights = jax.tree.map(lambda w, v: w - LR * v, weights, velocity)
    return (weights, velocity), loss


@partial(jax.jit, donate_argnums=0)
def run_epoch(
    state: State, x: jax.Array, y: jax.Array, batches: jax.Array
) -> tuple[State, jax.Array]:
    state, losses = jax.lax.scan(lambda s, rows: step(s, x[rows], y[rows]), state, batches)
    return state, losses.mean()


run_step = jax.jit(step, donate_argnums=0)


def first_state(sizes: list[int]) -> State:
    weights = [jnp.array(w) for w in first_weights(sizes)]
    return jax.block_until_ready((weights, [jnp.zeros_like(w) for w in weights]))


class Epoch:
    """Epochs of MNIST, each from the same first weights."""

    def __init__(self, sizes: list[int], batch: int, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        self.x = jnp.array(x[:samples])
        self.y = jnp.array(y[:samples], jnp.int32)
        self.sizes, self.batch = sizes, batch

    def epoch(self, state: State, seed: int) -> float:
        batches = shuffled(len(self.x), self.batch, seed)
        state, loss = run_epoch(state, self.x, self.y, jnp.asarray(batches, jnp.int32))
        return float(jax.block_until_ready((state, loss))[1])

    def turn(self, seed: int) -> dict[str, float]:
        seconds, loss = timed(self.epoch, first_state(self.sizes), seed)
        return {"seconds": seconds, "loss": loss, "megabytes": megabytes("VmHWM")}


class Step:
    """Steps of a small net, data in memory, each a call of a compiled function."""

    def __init__(self, sizes: list[int], batch: int) -> None:
        x, y = toy(batch, sizes[0], sizes[-1])
        self.x, self.y, self.sizes = jnp.array(x), jnp.array(y, jnp.int32), sizes

    def step(self) -> float:
        self.state, loss = run_step(self.state, self.x, self.y)
        return float(loss)

    def turn(self, steps: int, budget: float) -> dict[str, Any]:
        self.state = first_state(self.sizes)
        losses = [self.step() for _ in range(steps)]
        return {"seconds": seconds_per_call(self.step, budget), "loss": float(np.mean(losses))}
