"""Sparse rows gathered piece by piece; beyond a limit they go to a memory-mapped temporary file."""

from __future__ import annotations

import numpy as np

from lexgrad.text.packed import DEFAULT_LIMIT, ArrayBuilder, SparseRows, offsets_of


class SparseBuilder:
    """Gathers sparse rows of equally many columns.

    Args:
        columns: how many columns the rows have.
        limit_bytes: entries past this go to a temporary file, which is gone when the rows are.
    """

    def __init__(self, columns: int, limit_bytes: int = DEFAULT_LIMIT) -> None:
        self._columns = columns
        self._ids = ArrayBuilder(np.int32, limit_bytes)
        self._values = ArrayBuilder(np.float32, limit_bytes)
        self._lengths = ArrayBuilder(np.int64, limit_bytes)

    def append(self, rows: SparseRows) -> None:
        """Add rows at the end."""
        self._ids.append(rows.ids)
        self._values.append(rows.values)
        self._lengths.append(rows.lengths)

    def finish(self) -> SparseRows:
        """Return everything appended, as one."""
        offsets = offsets_of(self._lengths.finish())
        return SparseRows(self._ids.finish(), self._values.finish(), offsets, self._columns)
