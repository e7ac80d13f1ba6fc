"""JAX's epochs of the papers' nets: a compiled scan over the batches, its state donated."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from nets import (
    BATCH,
    INPUT_DROPOUT,
    MAX_NORM,
    MAXOUT_MOMENTUM,
    MAXOUT_RATE,
    NOISE,
    NOISY_RATE,
    PAPERS,
    first_weights,
    load_numbers,
    shuffled,
)

from peers.jax_peer import versions as versions
from peers.timing import timed

BETAS, EPS, MOMENTUM = (0.9, 0.999), 1e-8, 0.1

State = dict[str, Any]


def pairs(weights: list[jax.Array]) -> list[tuple[jax.Array, jax.Array]]:
    return list(zip(weights[::2], weights[1::2], strict=True))


def noisy(weights: list[jax.Array], x: jax.Array, key: jax.Array) -> tuple[jax.Array, Any]:
    """The outputs, and each layer's mean and variance."""
    keys = jax.random.split(key, 1 + len(weights) // 2)
    h, statistics = x + NOISE * jax.random.normal(keys[0], x.shape), []
    for i, (W, b) in enumerate(pairs(weights)):
        z = h @ W
        mean, var = z.mean(0), z.var(0)
        statistics.append((mean, var))
        z = (z - mean) * jax.lax.rsqrt(var + 1e-5)
        z = z + NOISE * jax.random.normal(keys[i + 1], z.shape) + b
        h = jax.nn.relu(z) if 2 * (i + 1) < len(weights) else z
    return h, statistics


def maxout(weights: list[jax.Array], x: jax.Array, key: jax.Array) -> tuple[jax.Array, Any]:
    *hidden, (W, b) = pairs(weights)
    keys = jax.random.split(key, 1 + len(hidden))
    h = x * jax.random.bernoulli(keys[0], 1 - INPUT_DROPOUT, x.shape)
    for i, (W_hidden, b_hidden) in enumerate(hidden):
        h = (h @ W_hidden + b_hidden).reshape(len(x), -1, PAPERS["maxout"].pieces).max(-1)
        h = 2 * h * jax.random.bernoulli(keys[i + 1], 0.5, h.shape)
    return h @ W + b, []


def adam(state: State, gradients: list[jax.Array]) -> list[jax.Array]:
    b1, b2 = BETAS
    state["t"] += 1
    state["m"] = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["m"], gradients)
    state["v"] = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state["v"], gradients)
    rate, scale = NOISY_RATE / (1 - b1 ** state["t"]), jnp.sqrt(1 - b2 ** state["t"])
    return jax.tree.map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) / scale + EPS),
        state["weights"], state["m"], state["v"],
    )  # fmt: skip


def bounded_sgd(state: State, gradients: list[jax.Array]) -> list[jax.Array]:
    state["m"] = jax.tree.map(lambda m, g: MAXOUT_MOMENTUM * m + g, state["m"], gradients)
    weights = jax.tree.map(lambda w, m: w - MAXOUT_RATE * m, state["weights"], state["m"])
    return [w * jnp.minimum(1, MAX_NORM / jnp.sqrt((w * w).sum(0))) if w.ndim == 2 else w
            for w in weights]  # fmt: skip


RECIPES = {"noisy": (noisy, adam), "maxout": (maxout, bounded_sgd)}


def step(paper: str, state: State, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
    forward, update = RECIPES[paper]
    state = dict(state)
    state["key"], key = jax.random.split(state["key"])

    def loss_of(weights: list[jax.Array]) -> tuple[jax.Array, Any]:
        outputs, statistics = forward(weights, x, key)
        log_p = jax.nn.log_softmax(outputs)
        return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean(), statistics

    (loss, statistics), gradients = jax.value_and_grad(loss_of, has_aux=True)(state["weights"])
    state["running"] = jax.tree.map(
        lambda old, new: (1 - MOMENTUM) * old + MOMENTUM * new, state["running"], statistics
    )
    state["weights"] = update(state, gradients)
    return state, loss


@partial(jax.jit, static_argnums=0, donate_argnums=1)
def run_epoch(
    paper: str, state: State, x: jax.Array, y: jax.Array, batches: jax.Array
) -> tuple[State, jax.Array]:
    state, losses = jax.lax.scan(lambda s, rows: step(paper, s, x[rows], y[rows]), state, batches)
    return state, losses.mean()


class Epoch:
    """An epoch from new first weights."""

    def __init__(self, paper: str, data: str, samples: int) -> None:
        x, y = load_numbers(data)
        self.x, self.y, self.paper = jnp.array(x[:samples]), jnp.array(y[:samples]), paper

    def first_state(self, seed: int) -> State:
        weights = [jnp.array(w) for w in first_weights(*PAPERS[self.paper])]
        zeros = [jnp.zeros_like(w) for w in weights]
        running = [(jnp.zeros_like(b), jnp.ones_like(b)) for b in weights[1::2]]
        return {
            "weights": weights, "m": zeros, "v": [z.copy() for z in zeros], "t": jnp.zeros(()),
            "running": running if self.paper == "noisy" else [],
            "key": jax.random.key(seed, impl="unsafe_rbg"),  # the fastest that it has
        }  # fmt: skip

    def epoch(self, state: State, seed: int) -> float:
        batches = jnp.asarray(shuffled(len(self.x), BATCH, seed), jnp.int32)
        state, loss = run_epoch(self.paper, state, self.x, self.y, batches)
        return float(jax.block_until_ready((state, loss))[1])

    def turn(self, seed: int) -> dict[str, float]:
        state = jax.block_until_ready(self.first_state(seed))
        seconds, loss = timed(self.epoch, state, seed)
        return {"seconds": seconds, "loss": np.float64(loss).item()}
