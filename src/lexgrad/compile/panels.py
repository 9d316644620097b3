"""Matrices stored in panels: so many columns as a register tile has, one panel behind the other.

A product of a few rows takes the time that reading its right operand takes, and a tile reads a few columns of every
row. Where a row is long, these are far apart, and a processor does not see what comes next; in a panel they lie one
behind the other, and the whole matrix is read from its beginning to its end. The sums, and so the bits, are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lexgrad.compile.loops import ONE, ZERO, InPlace, Load, Product, Unless, extent, parts, walk
from lexgrad.compile.repeat import Step, kernels_of, loops_of, roots
from lexgrad.graph import Shape


def only_multiplied(steps: Sequence[Step], matrices: Mapping[str, Shape]) -> set[str]:
    """Those buffers of ``matrices`` that are the right operand of products, read in place, and nothing else."""
    found, elsewhere = set(), set()
    for kernel in kernels_of(steps):
        elsewhere |= {part.buffer for part in parts(kernel.body) if isinstance(part, Load)}
        for statement in walk(kernel.body):
            if isinstance(statement, Unless):
                elsewhere |= {statement.target, statement.source}
            elif isinstance(statement, Product):
                buffer = _multiplied(statement, matrices)
                if buffer is not None:
                    found.add(buffer)
                operands = (statement.left, *(() if buffer else (statement.right,)))
                elsewhere |= {operand.buffer for operand in operands if isinstance(operand, InPlace)}
    for loop in loops_of(steps):
        elsewhere |= {root for where in (*loop.where.values(), *loop.ended.values()) for root in roots(where)}
    return found - elsewhere


def _multiplied(product: Product, matrices: Mapping[str, Shape]) -> str | None:
    """The buffer of the right operand, if that is the whole of one of the matrices and both are read in place."""
    left, right = product.left, product.right
    if not isinstance(left, InPlace) or not isinstance(right, InPlace) or right.buffer not in matrices:
        return None
    depth, columns = map(extent, matrices[right.buffer])
    whole = product.depth == depth and right.offset == ZERO and right.strides == (columns, ONE)
    return right.buffer if whole else None
