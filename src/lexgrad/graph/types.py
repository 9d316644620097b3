"""The type of a value in a graph: what kind of number, and its shape."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Literal, SupportsIndex, TypeAlias, get_args

from lexgrad.errors import ShapeError
from lexgrad.graph.dims import Dim, Shape, Size, product

DType: TypeAlias = Literal["float", "int", "bool"]
DTYPES: tuple[DType, ...] = get_args(DType)


@dataclass(frozen=True)
class Type:
    """What a node's value is: ``Type("float", (Dim("batch"), 100))``.

    A graph says what is computed, not in how many bits: ``float`` is a real number, and whoever reads the graph
    (the interpreter, the compiler) chooses fp64, fp32 or bf16 for all of them.

    Attributes:
        dtype: ``"float"``, ``"int"`` or ``"bool"``.
        shape: sizes, each a non-negative integer or a Dim; ``()`` is a scalar.

    Raises:
        ShapeError: an unknown dtype or an impossible size.
    """

    dtype: DType
    shape: Shape = ()

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ShapeError(f"a dtype is one of {', '.join(DTYPES)}; got {self.dtype!r}")
        object.__setattr__(self, "shape", tuple(map(_size, self.shape)))

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Size:
        """The number of entries."""
        return product(self.shape)

    def with_shape(self, shape: Shape) -> Type:
        """The same dtype with another shape."""
        return Type(self.dtype, shape)

    def with_dtype(self, dtype: DType) -> Type:
        """The same shape with another dtype."""
        return Type(dtype, self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def _size(size: object) -> Size:
    """A size as an int or a Dim, from anything that counts as an integer (NumPy's integers do).

    Raises:
        ShapeError: it is neither, or negative.
    """
    if isinstance(size, Dim) or (size.__class__ is int and size >= 0):
        return size
    if isinstance(size, bool) or not isinstance(size, SupportsIndex) or operator.index(size) < 0:
        raise ShapeError(f"a size is a non-negative integer or a Dim; got {size!r}")
    return operator.index(size)
