"""Pictures of learning, drawn with matplotlib: activations, descent, decision boundaries, the health of a training."""

from lexgrad.plot.activation import activations
from lexgrad.plot.boundary import boundary, xor
from lexgrad.plot.canvas import Plot
from lexgrad.plot.descending import descent
from lexgrad.plot.healthy import health
from lexgrad.plot.surface import Descent, Surface, loss_of

__all__ = ["Descent", "Plot", "Surface", "activations", "boundary", "descent", "health", "loss_of", "xor"]
