"""Trees: parameters in dicts, lists, tuples and dataclasses, flattened to named leaves and put together again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lexgrad.errors import InputError
from lexgrad.graph import Type


@dataclasses.dataclass(frozen=True)
class TreeShape:
    """The shape of a tree without its leaves: ``kind`` is None for a leaf."""

    kind: type | None
    keys: tuple[Any, ...] = ()
    children: tuple[TreeShape, ...] = ()

    @property
    def leaves(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(child.leaves for child in self.children)


def tree_flatten(tree: Any, name: str = "") -> tuple[dict[str, Any], TreeShape]:
    """The leaves of a tree by path (``layers.0.weight``), in order, and the shape to rebuild it with.

    Dicts are read in the order of their keys as they stand. None is a tree without leaves. Everything that is not a
    dict, list, tuple, dataclass or None is a leaf.

    Raises:
        InputError: two leaves would have the same path.
    """
    leaves: dict[str, Any] = {}
    shape = _flatten(tree, name, leaves)
    return leaves, shape


def _flatten(tree: Any, path: str, leaves: dict[str, Any]) -> TreeShape:
    children = _children(tree)
    if children is None:
        if path in leaves:
            raise InputError(f"two leaves of a tree are called {path!r}")
        leaves[path] = tree
        return TreeShape(None)
    keys = tuple(key for key, _ in children)
    shapes = tuple(_flatten(child, f"{path}.{key}" if path else str(key), leaves) for key, child in children)
    return TreeShape(type(tree), keys, shapes)


def _children(tree: Any) -> list[tuple[Any, Any]] | None:
    if tree is None:
        return []
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(zip(tree._fields, tree, strict=True))
    if isinstance(tree, list | tuple):
        return list(enumerate(tree))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type | Type):  # a Type stands for a leaf of that type
        return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    return None


def tree_unflatten(shape: TreeShape, leaves: Iterable[Any]) -> Any:
    """Put leaves, in the order of ``tree_flatten``, back into a tree.

    Raises:
        InputError: there are more or fewer leaves than the shape has places.
    """
    given = list(leaves)
    if len(given) != shape.leaves:
        raise InputError(f"a tree with {shape.leaves} leaves cannot be made of {len(given)}")
    return _unflatten(shape, iter(given))


def _unflatten(shape: TreeShape, leaves: Iterator[Any]) -> Any:
    if shape.kind is None:
        return next(leaves)
    children = [_unflatten(child, leaves) for child in shape.children]
    if shape.kind is type(None):
        return None
    if issubclass(shape.kind, dict):
        return dict(zip(shape.keys, children, strict=True))
    if issubclass(shape.kind, tuple) and hasattr(shape.kind, "_fields"):
        return shape.kind(*children)
    if issubclass(shape.kind, list | tuple):
        return shape.kind(children)
    return shape.kind(**dict(zip(shape.keys, children, strict=True)))


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same tree with ``function`` applied to every leaf."""
    leaves, shape = tree_flatten(tree)
    return tree_unflatten(shape, [function(leaf) for leaf in leaves.values()])
