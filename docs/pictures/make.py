"""Makes the pictures of docs/pictures.md and of the README: ``python docs/pictures/make.py [FOLDER]``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lexgrad as lg
from lexgrad import plot


def first_example() -> lg.Picture:
    """L = c (a + 2b) and the way down to b."""
    a, b, c = lg.variables(a=3.0, b=1.0, c=-2.0)
    d = (2 * b).named("d")
    e = (a + d).named("e")
    return lg.draw((c * e).named("L"), b)


def network() -> lg.Picture:
    """Two layers, two features, three hidden units."""
    W1 = lg.variable([[0.1, -0.2, 0.3], [0.2, 0.4, -0.1]], "W1")
    b1 = lg.variable([0.0, 0.1, 0.1], "b1")
    W2 = lg.variable([0.5, -0.3, 0.2], "W2")
    b2 = lg.variable(0.1, "b2")
    z1 = (np.array([1.0, 2.0]) @ W1 + b1).named("z1")
    h = lg.tanh(z1).named("h")
    z2 = (h @ W2 + b2).named("z2")
    return lg.draw(lg.binary_cross_entropy(z2, 1.0).named("L"), W1[0, 0])


def recurrent() -> lg.Picture:
    """An Elman network over three words."""
    generator = np.random.default_rng(0)
    W = lg.variable(generator.normal(size=(2, 2)).round(1), "W")
    U = lg.variable(generator.normal(size=(2, 2)).round(1), "U")
    words = lg.variable(generator.normal(size=(3, 2)).round(1), "x")
    h, _ = lg.scan(lambda h, x_t: (lg.tanh(h @ W + x_t @ U).named("h"), None), np.zeros(2), words)
    return lg.draw(lg.sum(h * h).named("L"), W)


def layers() -> lg.Picture:
    """A network and its backward graph, folded by layer."""
    batch = lg.Dim("batch")

    def loss(x: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        return lg.mean(lg.cross_entropy(lg.tanh(x @ W1 + b1) @ W2 + b2, y))

    shapes = ((100, 50), (50,), (50, 3), (3,))
    types = [lg.Type("float", (batch, 100)), lg.Type("int", (batch,)), *(lg.Type("float", shape) for shape in shapes)]
    return lg.draw(lg.differentiate(lg.trace(loss, *types), wrt=["W1", "b1", "W2", "b2"]), fold="layers")


def descent() -> plot.Plot:
    """A long valley, three rates."""
    return plot.descent(lambda a, b: (a - 1) ** 2 + 3 * (b + 0.5) ** 2 + a * b, {"a": 4.0, "b": 2.0}, steps=20)


def xor() -> plot.Plot:
    """Exclusive or: before, after, and after the hidden layer."""
    X, y = plot.xor()
    model = lg.FeedForward(layers=2, units=2, epochs=300, learning_rate=0.05, batch=16, seed=6)
    return plot.boundary(model.fit(X, y), X, y)


def vanishing() -> plot.Plot:
    """A deep network of sigmoids learns in its last layers only."""
    X, y = plot.xor(400)
    model = lg.FeedForward(layers=8, units=20, activation="sigmoid", epochs=5, batch=16, watch=5, l2=0.0)
    return plot.health(model.fit(X, y))


PICTURES: dict[str, Callable[[], lg.Picture | plot.Plot]] = {
    "first-example.svg": first_example,
    "network.svg": network,
    "recurrent.svg": recurrent,
    "layers.svg": layers,
    "activations.png": plot.activations,
    "descent.png": descent,
    "xor.png": xor,
    "vanishing.png": vanishing,
}


def main(folder: Path) -> None:
    """Make every picture."""
    for name, make in PICTURES.items():
        picture = make()
        if isinstance(picture, lg.Picture):
            picture.save(folder / name)
        else:
            picture.save(folder / name, dpi=80)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
