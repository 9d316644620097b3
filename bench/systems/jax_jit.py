"""JAX: one jitted step, parameters donated."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.workloads import Data

Run = Callable[[int], float]


def _steps(loss: Callable[..., Any], parameters: dict[str, Any], batches: list[tuple[Any, ...]], rate: float) -> Run:
    import jax

    @partial(jax.jit, donate_argnums=0)
    def step(weights: dict[str, Any], *batch: Any) -> tuple[dict[str, Any], Any]:
        value, slopes = jax.value_and_grad(loss)(weights, *batch)
        return {name: weights[name] - rate * slopes[name] for name in weights}, value

    state = {name: jax.numpy.asarray(np.asarray(value)) for name, value in parameters.items()}
    ready = [tuple(jax.numpy.asarray(array) for array in batch) for batch in batches]

    def run(steps: int) -> float:
        nonlocal state
        value = None
        for i in range(steps):
            state, value = step(state, *ready[i % len(ready)])
        return float(jax.block_until_ready(value))

    return run


def _limit(threads: int, precision: str) -> None:
    if precision != "fp32":
        raise ValueError("measured in fp32 only")
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={threads}"


def _ffnn_lm(data: Data, threads: int, precision: str) -> Run:
    _limit(threads, precision)
    import jax
    import jax.numpy as jnp

    def loss(p: dict[str, Any], context: Any, target: Any) -> Any:
        hidden = jnp.tanh(p["E"][context].reshape(len(context), -1) @ p["W"] + p["b"])
        logits = jax.nn.log_softmax(hidden @ p["U"] + p["c"])
        return -jnp.take_along_axis(logits, target[:, None], 1).mean()

    batches = list(zip(data["context"], data["target"], strict=True))
    return _steps(loss, {name: data[name] for name in ("E", "W", "b", "U", "c")}, batches, data["rate"])


def _mean_pool(data: Data, threads: int, precision: str) -> Run:
    _limit(threads, precision)
    import jax
    import jax.numpy as jnp

    texts = len(data["offsets"]) - 1

    def loss(p: dict[str, Any], ids: Any, target: Any) -> Any:
        pooled = p["E"][ids].reshape(texts, -1, p["E"].shape[1]).mean(1)
        logits = jax.nn.log_softmax(pooled @ p["W"] + p["b"])
        return -jnp.take_along_axis(logits, target[:, None], 1).mean()

    batches = list(zip(data["ids"], data["target"], strict=True))
    return _steps(loss, {name: data[name] for name in ("E", "W", "b")}, batches, data["rate"])


def _xor(data: Data, threads: int, precision: str) -> Run:
    _limit(threads, precision)
    import jax
    import jax.numpy as jnp

    def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
        z = jnp.tanh(x @ p["W"] + p["b"]) @ p["u"] + p["c"]
        return (jax.nn.softplus(z) - y * z).mean()

    batches = [(data["x"], data["y"])]
    return _steps(loss, {name: data[name] for name in ("W", "b", "u", "c")}, batches, data["rate"])


PREPARE = {"ffnn-lm": _ffnn_lm, "mean-pool": _mean_pool, "xor": _xor}
