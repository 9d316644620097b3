"""JAX: one jitted step, parameters donated; in bf16, what is multiplied is cast, and parameters stay in fp32."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.systems import Run, Setup
from bench.workloads import Data

Weights = Mapping[str, Any]
Loss = Callable[..., Any]


def _prepare(
    loss: Loss, parameters: Sequence[str], batches: Callable[[Data], list[Any]], data: Data, setup: Setup
) -> Run:
    rate, norm = data["rate"], data.get("norm")
    half = setup.precision == "bf16"

    def cast(weights: Weights, *batch: Any) -> Any:
        given = {n: w if n == "E" else w.astype(jnp.bfloat16) for n, w in weights.items()} if half else weights
        return loss(given, *batch)

    @functools.partial(jax.jit, donate_argnums=0)
    def step(weights: Weights, *batch: Any) -> tuple[Weights, Any]:
        value, slopes = jax.value_and_grad(cast)(weights, *batch)
        factor = rate
        if norm is not None:
            total = jnp.sqrt(sum(jnp.sum(jnp.square(slope)) for slope in slopes.values()))
            factor = rate * jnp.minimum(1.0, norm / (total + 1e-6))
        return {name: weights[name] - factor * slopes[name] for name in weights}, value

    state: Weights = {name: jnp.array(np.asarray(data[name])) for name in parameters}
    ready = [tuple(jnp.asarray(array) for array in batch) for batch in batches(data)]

    def run(steps: int) -> float:
        nonlocal state
        value = None
        for i in range(steps):
            state, value = step(state, *ready[i % len(ready)])
        jax.block_until_ready(state)
        return float(value)

    return run


def _cross_entropy(logits: Any, target: Any) -> Any:
    logits = jax.nn.log_softmax(logits.astype(jnp.float32))
    return -jnp.take_along_axis(logits, target[:, None], 1).mean()


def _ffnn_lm(p: Weights, context: Any, target: Any) -> Any:
    embedded = p["E"][context].reshape(len(context), -1).astype(p["W"].dtype)
    return _cross_entropy(jnp.tanh(embedded @ p["W"] + p["b"]) @ p["U"] + p["c"], target)


def _mean_pool(p: Weights, ids: Any, target: Any) -> Any:
    pooled = p["E"][ids].reshape(len(target), -1, p["E"].shape[1]).mean(1).astype(p["W"].dtype)
    return _cross_entropy(pooled @ p["W"] + p["b"], target)


def _recurrent(p: Weights, tokens: Any, target: Any) -> Any:
    inputs = p["E"][tokens].astype(p["W"].dtype) @ p["W"] + p["b"]
    start = jnp.zeros((tokens.shape[1], p["U"].shape[0]), inputs.dtype)

    def elman(h: Any, x: Any) -> Any:
        h = jnp.tanh(x + h @ p["U"])
        return h, h

    def lstm(carry: Any, x: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(x + h @ p["U"], 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    one = p["U"].shape[0] == p["U"].shape[1]
    _, states = jax.lax.scan(elman, start, inputs) if one else jax.lax.scan(lstm, (start, start), inputs)
    return _cross_entropy(states.reshape(-1, states.shape[2]) @ p["V"] + p["c"], target.ravel())


def _xor(p: Weights, x: Any, y: Any) -> Any:
    z = (jnp.tanh(x.astype(p["W"].dtype) @ p["W"] + p["b"]) @ p["u"] + p["c"]).astype(jnp.float32)
    return (jax.nn.softplus(z) - y * z).mean()


def _zipped(*names: str) -> Callable[[Data], list[Any]]:
    return lambda data: list(zip(*(data[name] for name in names), strict=True))


_RECURRENT = (_recurrent, ("E", "W", "U", "b", "V", "c"), _zipped("tokens", "target"))
PREPARE = {
    name: functools.partial(_prepare, *parts)
    for name, parts in {
        "ffnn-lm": (_ffnn_lm, ("E", "W", "b", "U", "c"), _zipped("context", "target")),
        "elman-lm": _RECURRENT,
        "lstm-lm": _RECURRENT,
        "mean-pool": (_mean_pool, ("E", "W", "b"), _zipped("ids", "target")),
        "xor": (_xor, ("W", "b", "u", "c"), lambda data: [(data["x"], data["y"])]),
    }.items()
}
