"""Rows that a network computes of each word by itself: once, when the word first comes, and kept for the next time."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.graph import Dim, Graph, Node, Type, input_node, topological
from lexgrad.train.engine import Applier, Apply

Array = NDArray[Any]
Int64 = NDArray[np.int64]
Nodes = Mapping[str, Node]
LOGITS = "logits"
KNOWN = Dim("known")
MOST_BYTES = 1 << 27
NOWHERE = np.int64(-1)
"""The place of a word that has no row yet."""
_MARK = NOWHERE.tobytes()  # nowhere among the bytes of other places, and sooner looked for than the number


class WordRows:
    """Tables with a row for each word that has come so far; forgotten and begun anew when there is no room.

    Args:
        compute: gives the rows of some words, by the table's name; a row must not depend on the other words.
        most_bytes: of all tables together, if the words of one call need no more.

    Attributes:
        tables: the rows, by name; the first ones are in use.
    """

    def __init__(self, compute: Callable[[Int64], Mapping[str, Array]], most_bytes: int = MOST_BYTES) -> None:
        self.tables: dict[str, Array] = {}
        self._compute, self._most_bytes = compute, most_bytes
        self._room = self._used = 0
        self._places = np.full(1024, NOWHERE)

    def places(self, words: Int64) -> Int64:
        """Return the row of each word in the tables; what comes new is computed first.

        Args:
            words: numbers from 0 (n,); a number always stands for the same word.
        """
        try:
            places = self._places[words]
        except IndexError:
            more = max(int(words.max()) + 1, 2 * len(self._places))
            self._places = np.append(self._places, np.full(more - len(self._places), NOWHERE))
            places = self._places[words]
        if self._room and _MARK not in places.tobytes():
            return places
        self._meet(words, np.unique(words[places == NOWHERE]))
        return self._places[words]

    def forget(self) -> None:
        """Forget all words: what rows are computed from has changed."""
        self._places.fill(NOWHERE)
        self._used = 0

    def _meet(self, words: Int64, new: Int64) -> None:
        if self._room and self._used + len(new) > self._room:
            self.forget()
            new = np.unique(words)
        rows = self._compute(new)
        if not self._room or self._used + len(new) > self._room:
            self._make_room(rows, len(new))
        end = self._used + len(new)
        for name, table in rows.items():
            self.tables[name][self._used : end] = table
        self._places[new] = np.arange(self._used, end)
        self._used = end

    def _make_room(self, rows: Mapping[str, Array], least: int) -> None:
        """Make tables as large as they ever get: of memory that nothing was written to, systems take nothing."""
        row = sum(table.itemsize * int(np.prod(table.shape[1:])) for table in rows.values())
        self._room = max(self._most_bytes // max(row, 1), least, 1)
        self.tables = {name: np.empty((self._room, *table.shape[1:]), table.dtype) for name, table in rows.items()}


def word_graphs(
    name: str,
    parameters: Nodes,
    inputs: Nodes,
    of_words: Callable[[Nodes, Nodes], dict[str, Node]],
    logits_of: Callable[[Nodes, Nodes, Nodes], Node],
) -> tuple[Graph, Graph] | None:
    """Build the graph of what a model makes of each word by itself, and that of the logits where this is known.

    Args:
        name: of the model.
        parameters: of both graphs.
        inputs: of both graphs.
        of_words: what the model makes of words, from parameters and inputs, by name.
        logits_of: the logits, from tables of that, parameters and inputs.

    Returns:
        the first has an output for each table; the second an input of the same name, (rows, …), where that input which
        numbers words has rows of the tables. None where the model makes nothing of words by themselves.
    """
    made = of_words(parameters, inputs)
    if not made:
        return None
    tables = {name: input_node(name, Type("float", (KNOWN, *node.shape[1:]))) for name, node in made.items()}
    logits = logits_of(tables, parameters, inputs)
    return (
        Graph(_read({**parameters, **inputs}, list(made.values())), made, name=f"words_{name}"),
        Graph(_read({**tables, **parameters, **inputs}, [logits]), {LOGITS: logits}, name=f"predict_{name}"),
    )


def _read(inputs: Nodes, outputs: list[Node]) -> dict[str, Node]:
    """Those inputs that the outputs depend on, be it only for how many there are."""
    nodes = set(topological(outputs))
    read = {name: node for name, node in inputs.items() if node in nodes}
    missing = _sizes(nodes) - _sizes(read.values())
    return {name: node for name, node in inputs.items() if name in read or missing & _sizes([node])}


def _sizes(nodes: Iterable[Node]) -> set[str]:
    """The named sizes of nodes."""
    return {name for node in nodes for size in node.shape if isinstance(size, Dim) for name in size.names}


class WordApplier:
    """Runs both of ``word_graphs``: the first for words that come new, the second on the rows of all.

    It is for one thread at a time: words that come new may take the place of others.

    Steady parameters that it has read are not written to any more: it would not be noticed.

    Args:
        graphs: both.
        parameters: names of their inputs that are parameters.
        precision: as ``Applier`` has it.
        threads: as ``Applier`` has it.
        inputs: the other inputs of the first one, for some words.
        steady: whether parameters stay as they are from call to call, until another array takes an array's place.
    """

    def __init__(
        self,
        graphs: tuple[Graph, Graph],
        parameters: Collection[str],
        precision: str,
        threads: int | None,
        inputs: Callable[[Int64], Mapping[str, Array]],
        steady: bool,
    ) -> None:
        first, second = graphs
        own = [name for name in first.inputs if name in parameters]
        others = [name for name in second.inputs if name in parameters]
        self._first = Applier(first, own, precision, threads, panels=True, steady=steady)
        self._second = Applier(second, [*others, *first.outputs], precision, threads, panels=True, steady=steady)
        self._names = [*own, *others]
        self._known = [name for name in first.inputs if name not in parameters]
        self._inputs, self._steady = inputs, steady
        self._parameters: dict[str, Array] = {}
        self._given: list[Array | None] = [None] * len(self._names)
        self._rows = WordRows(self._compute)
        self._tables: Mapping[str, Array] = {}
        self._apply: Apply

    def places(self, parameters: Mapping[str, Array], words: Int64) -> Int64:
        """Return the row of each word, see ``WordRows.places``, and take these parameters from now on."""
        given = list(map(parameters.__getitem__, self._names))
        if not self._steady or not all(map(operator.is_, given, self._given)):
            self.forget()
            self._parameters = dict(zip(self._names, given, strict=True))
            self._given = [*given]
            self._tables = {}
            if self._steady:
                for name in self._first.parameters:
                    parameters[name].flags.writeable = False
        return self._rows.places(words)

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the outputs of the second graph, from its inputs that are neither parameters nor tables.

        They are lent until the next call.
        """
        if self._tables is not self._rows.tables:
            self._apply = self._second.on({**self._parameters, **self._rows.tables}, lent=True)
            self._tables = self._rows.tables
        return self._apply(inputs)

    def forget(self) -> None:
        """Forget all words: a number may stand for another from now on."""
        self._rows.forget()

    def _compute(self, words: Int64) -> Mapping[str, Array]:
        batch = self._inputs(words)
        return self._first(self._parameters, {name: batch[name] for name in self._known})
