"""For any graph: the sum over all paths = the backward graph's gradient = finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lexgrad as lg
from tests.strategies import RandomGraph, graphs


@settings(max_examples=60)
@given(graphs(smooth=True, steps=8), st.data())
def test_the_sum_over_paths_is_the_gradient(case: RandomGraph, data: st.DataObject) -> None:
    graph = case.with_numbers()
    loss = graph.outputs["loss"]
    used = set(lg.Graph(graph.inputs, {"loss": loss}).nodes)
    floats = [
        name
        for name, node in graph.inputs.items()
        if node.type.dtype == "float" and case.values[name].size and any(node in n.inputs for n in used)
    ]
    assume(floats)
    name = data.draw(st.sampled_from(floats))
    entry = data.draw(st.tuples(*(st.integers(0, size - 1) for size in case.values[name].shape)))
    wrt = f"{name}[{', '.join(map(str, entry))}]" if entry else name
    steps: Any = data.draw(st.sampled_from(["all", "auto", "named"]))
    values = {key: value for key, value in case.values.items() if any(graph.inputs[key] in n.inputs for n in used)}
    found = lg.explain(loss, wrt=wrt, at=values, steps=steps, paths=40)
    assert found.number_of_paths is not None
    assert found.sum == pytest.approx(found.gradient, rel=1e-9, abs=1e-12)
    if found.number_of_paths <= 40:
        total = sum(path.product for path in found.paths)
        assert total == pytest.approx(found.gradient, rel=1e-9, abs=1e-12)
    assert found.check().difference < 1e-5 * max(1.0, abs(found.gradient))
    for path in found.paths:
        assert path.product == pytest.approx(np.prod([factor.value for factor in path.factors]))
