"""Nodes: the values of a functional, typed graph, each a primitive applied to other nodes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple, Self

from lexgrad.errors import InputError, ShapeError
from lexgrad.graph.dims import Shape, holds_dim
from lexgrad.graph.primitive import Primitive, register
from lexgrad.graph.types import Type


class Origin(NamedTuple):
    """Where a backward node comes from: the rule of one input of one forward node."""

    node: Node
    input: int | None


class Location(NamedTuple):
    """The line of a person's program that made a node."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@contextlib.contextmanager
def originating(node: Node, i: int | None) -> Iterator[None]:
    """Nodes made inside this context say that they come from the VJP rule of input ``i`` of ``node``."""
    token = _origin.set(Origin(node, i))
    try:
        yield
    finally:
        _origin.reset(token)


def user_location() -> Location | None:
    """The innermost line of the running program that is not inside lexgrad itself."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_PACKAGE):
            return Location(file, frame.f_lineno)
        frame = frame.f_back
    return None


OPERATORS: dict[str, Callable[..., Any]] = {}
"""What ``+``, ``@``, indexing and the like mean between nodes; ``ops`` says so, with NumPy's broadcasting."""


class Node:
    """One value of a graph: a primitive applied to other nodes. Compared and hashed by identity.

    Attributes:
        primitive: what is applied.
        inputs: the nodes it is applied to.
        attributes: what is fixed when the graph is built: axes, shapes, constants.
        type: dtype and shape.
        name: what its author calls it; may be empty. The only thing about a node that can change.
        origin: for a node of a backward graph, the forward node and input whose rule made it.
        location: the user's line that made it; for a backward node, the line that made the forward node.
        closed: whether its value follows from constants alone, without any input or named size.
    """

    __slots__ = ("__weakref__", "attributes", "closed", "inputs", "location", "name", "origin", "primitive", "type")
    closed: bool
    __array_ufunc__ = None  # so that NumPy leaves `array + node` to this class

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Node, ...],
        attributes: Mapping[str, Any],
        type: Type,
        name: str = "",
        origin: Origin | None = None,
        location: Location | None = None,
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.attributes = attributes
        self.type = type
        self.name = name
        self.origin = origin
        self.location = location
        self.closed = (
            primitive is not INPUT
            and all(operand.closed for operand in inputs)
            and (primitive is CONSTANT or not any(map(holds_dim, attributes.values())))
        )

    @classmethod
    def derive(
        cls,
        primitive: Primitive,
        inputs: tuple[Node, ...],
        attributes: Mapping[str, Any],
        type: Type,
        origin: Origin | None,
        location: Location | None,
    ) -> Node:
        """Make the result of applying a primitive; a subclass whose nodes carry more overrides this."""
        return Node(primitive, inputs, attributes, type, "", origin, location)

    def named(self, name: str) -> Self:
        """Give the node a name, for printing and explaining; returns the node itself."""
        self.name = name
        return self

    @property
    def shape(self) -> Shape:
        """The shape: integers and Dims."""
        return self.type.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.type.rank

    @property
    def T(self) -> Self:  # noqa: N802
        """The node with its axes reversed."""
        return self._operate("transpose")

    def _operate(self, operator: str, *operands: Any) -> Self:
        # A subclass makes its own kind (see `derive`), though not together with nodes whose value is not known.
        result: Self = OPERATORS[operator](self, *operands)
        return result

    def __add__(self, other: Any) -> Self:
        return self._operate("add", other)

    def __radd__(self, other: Any) -> Self:
        return self._operate("radd", other)

    def __sub__(self, other: Any) -> Self:
        return self._operate("subtract", other)

    def __rsub__(self, other: Any) -> Self:
        return self._operate("rsubtract", other)

    def __mul__(self, other: Any) -> Self:
        return self._operate("multiply", other)

    def __rmul__(self, other: Any) -> Self:
        return self._operate("rmultiply", other)

    def __truediv__(self, other: Any) -> Self:
        return self._operate("divide", other)

    def __rtruediv__(self, other: Any) -> Self:
        return self._operate("rdivide", other)

    def __pow__(self, other: Any) -> Self:
        return self._operate("power", other)

    def __rpow__(self, other: Any) -> Self:
        return self._operate("rpower", other)

    def __matmul__(self, other: Any) -> Self:
        return self._operate("matmul", other)

    def __rmatmul__(self, other: Any) -> Self:
        return self._operate("rmatmul", other)

    def __neg__(self) -> Self:
        return self._operate("negative")

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self._operate("absolute")

    def __lt__(self, other: Any) -> Self:
        return self._operate("less", other)

    def __le__(self, other: Any) -> Self:
        return self._operate("less_equal", other)

    def __gt__(self, other: Any) -> Self:
        return self._operate("greater", other)

    def __ge__(self, other: Any) -> Self:
        return self._operate("greater_equal", other)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | float) or (hasattr(other, "__array__") and not isinstance(other, Node)):
            # Always False would be a trap: `if loss == 0.0`.
            raise TypeError("== asks whether two nodes are the same one; use lexgrad.equal(x, y), or compare x.value")
        return self is other

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Self:
        return self._operate("index", index)

    def __iter__(self) -> Iterator[Self]:
        if not self.shape or not isinstance(self.shape[0], int):
            raise TypeError(f"cannot iterate over {self.type}: its first size is not a number")
        return (self[i] for i in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape or not isinstance(self.shape[0], int):
            raise TypeError(f"{self.type} has no length that is known now; see its .shape")
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise TypeError(f"{self.describe()} has no value yet; use lexgrad.stack or lexgrad.concatenate to join nodes")

    def __bool__(self) -> bool:
        raise TypeError(
            f"the value of {self.describe()} is not known while the graph is being built; "
            "use lexgrad.where(condition, x, y) in place of `if`"
        )

    def describe(self) -> str:
        """Name (where it has one), operation and type: what an error message says of a node."""
        name = f"{self.name} = " if self.name and self.primitive is not INPUT else ""
        what = self.name if self.primitive is INPUT else self.primitive.name
        return f"{name}{what}: {self.type}"

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def apply(primitive: Primitive, *inputs: Node, **attributes: Any) -> Node:
    """Apply a primitive to nodes and return the new node.

    Raises:
        ShapeError: the primitive is not defined for these types; the message names the operation, the operands
            with their shapes and named dims, and the user's line.
    """
    origin = _origin.get()
    # A derivative goes wrong because of the line that made the forward node, not of the one that asked for it.
    location = user_location() if origin is None else origin.node.location
    try:
        type = primitive.typing(*(node.type for node in inputs), **attributes)
    except ShapeError as error:
        operands = [f"{node.name} {node.type}".strip() for node in inputs]
        raise located(error, primitive.name, operands, location) from None
    special = [node for node in inputs if node.__class__ is not Node]
    plain = not special or any(node.__class__ is Node and not node.closed for node in inputs)
    maker = Node if plain or any(map(holds_dim, attributes.values())) else special[0].__class__
    return maker.derive(primitive, inputs, attributes, type, origin, location)


def located(error: InputError, operation: str, operands: Iterable[str], location: Location | None) -> InputError:
    """The same kind of error, whose message says which operation, on what, and at which line of the user's program."""
    where = f" at {location}" if location else ""
    result = type(error)(f"{operation}({', '.join(operands)}): {error}{where}")
    result.located = True
    return result


def _not_computed(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("inputs and constants have values of their own")


INPUT = Primitive("input", lambda *, type: type, _not_computed)
"""A value that is given when the graph is run."""

CONSTANT = register(
    Primitive("constant", lambda *, value, type: type, _not_computed, notation="{value}"),
)
"""A value that is part of the graph: a number, or nested tuples of numbers."""


def input_node(name: str, type: Type) -> Node:
    """A new input of a graph to be, with a name and a type."""
    return Node(INPUT, (), {"type": type}, type, name, None, user_location())


def constant_node(value: Any, type: Type) -> Node:
    """A constant: ``value`` is a number, or nested tuples of numbers in the shape of ``type``."""
    return Node(CONSTANT, (), {"value": value, "type": type}, type, "", _origin.get(), None)
