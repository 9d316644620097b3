"""Rows of packed texts beside their neighbours."""

from __future__ import annotations

import numpy as np

from lexgrad.evaluate import Interpreter
from lexgrad.graph import Dim, Graph, Type, input_node
from lexgrad.nn.neighbours import beside, neighbours

OFFSETS = np.array([0, 2, 2, 5, 6])  # texts of two rows, none, three and one


def test_rows_beside_their_neighbours_do_not_leave_their_text() -> None:
    x = input_node("x", Type("float", (Dim("tokens"), 3)))
    offsets = input_node("offsets", Type("int", (Dim("batch") + 1,)))
    outputs = {"beside": beside(x, offsets, 1, 2), "rows": neighbours(offsets, x.shape[0], 1, 0)}
    rows = np.arange(1.0, 19.0).reshape(6, 3)
    zero = np.zeros(3)
    wanted = [(zero, rows[0], rows[1], zero), (rows[0], rows[1], zero, zero), (zero, rows[2], rows[3], rows[4])]
    wanted += [(rows[2], rows[3], rows[4], zero), (rows[3], rows[4], zero, zero), (zero, rows[5], zero, zero)]
    found = Interpreter(Graph({"x": x, "offsets": offsets}, outputs)).run({"x": rows, "offsets": OFFSETS})
    np.testing.assert_array_equal(found["beside"], [np.concatenate(row) for row in wanted])
    assert found["rows"].tolist() == [[-1, 0], [0, 1], [-1, 2], [2, 3], [3, 4], [-1, 5]]
