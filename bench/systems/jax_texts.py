"""JAX: text drawn from language models by one jitted scan, many tokens a call; weights in fp32 or in bf16."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from bench.systems import Run, Setup
from bench.workloads import Data
from bench.workloads.generation import GREEDY, text_loss

Weights = Mapping[str, Any]


def _logits(p: Weights, token: Any, state: Any) -> tuple[Any, Any]:
    x, after = p["E"][token], []
    for layer, (h, last) in enumerate(state, 1):
        z = x @ p[f"W{layer}"] + h @ p[f"U{layer}"] + p[f"b{layer}"]
        if z.shape == h.shape:
            x = c = jnp.tanh(z)
        else:
            i, f, g, o = jnp.split(z, 4)
            c = jax.nn.sigmoid(f) * last + jax.nn.sigmoid(i) * jnp.tanh(g)
            x = jax.nn.sigmoid(o) * jnp.tanh(c)
        after.append((x, c))
    return (x @ p["O"] + p["c"]).astype(jnp.float32), after


@functools.partial(jax.jit, static_argnames=("count", "greedy"))
def _text(p: Weights, start: Any, key: Any, count: int, greedy: bool) -> Any:
    def step(carry: Any, at: Any) -> tuple[Any, Any]:
        logits, state = _logits(p, *carry)
        token = jnp.argmax(logits) if greedy else jax.random.categorical(at, logits)
        return (token, state), token

    first = jnp.asarray(len(p["E"]) - 1)
    return jax.lax.scan(step, (first, start), jax.random.split(key, count))[1]


def _prepare(data: Data, setup: Setup) -> Run:
    dtype = jnp.bfloat16 if setup.precision == "bf16" else jnp.float32
    weights = {name: jnp.asarray(value, dtype) for name, value in data.items() if name != "layers"}
    zeros = jnp.zeros(len(data["U1"]), dtype)
    start, rounds = [(zeros, zeros)] * data["layers"], iter(range(1 << 30))

    def text(count: int, greedy: bool) -> list[int]:
        return [int(token) for token in _text(weights, start, jax.random.key(next(rounds)), count, greedy)]

    def run(steps: int) -> Callable[[], float]:
        jax.block_until_ready(_text(weights, start, jax.random.key(next(rounds)), steps, False))
        return lambda: text_loss(data, text(GREEDY, True))

    return run


PREPARE = dict.fromkeys(("elman-text", "lstm-text", "lstm-text-650"), _prepare)
