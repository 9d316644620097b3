"""Pictures of learning, drawn with matplotlib: activations, descent, decision boundaries, the health of a training,
what a search found, word vectors."""

from lexgrad.plot.activation import activations
from lexgrad.plot.boundary import boundary, xor
from lexgrad.plot.canvas import Plot
from lexgrad.plot.descending import descent
from lexgrad.plot.healthy import health
from lexgrad.plot.searching import search
from lexgrad.plot.surface import Descent, Surface, loss_of
from lexgrad.plot.words import vectors

__all__ = [
    "Descent",
    "Plot",
    "Surface",
    "activations",
    "boundary",
    "descent",
    "health",
    "loss_of",
    "search",
    "vectors",
    "xor",
]
