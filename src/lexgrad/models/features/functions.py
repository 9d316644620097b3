"""A user's own functions of a text as features: numbers, vectors, or dicts from name to number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.arrays import encode_dense, encode_sparse
from lexgrad.models.features.encoder import CHUNK, Encoder
from lexgrad.models.features.inputs import Inputs, dense_types, sparse_types
from lexgrad.models.features.sparse_builder import SparseBuilder
from lexgrad.models.features.standardizing import dense_moments, sparse_moments
from lexgrad.models.sources import Source, require_finite
from lexgrad.text.packed import SparseRows
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.text.tokenizer import Tokenizer

Array = NDArray[Any]
Function = Callable[[str], Any]


class FunctionEncoder(Encoder):
    """Texts as what functions say of them.

    A function that gives a number is one column, one that gives a vector of k numbers is k columns, and one that
    gives a dict is a column for each key seen in training (a key first met later is left out, a missing one is 0).
    Rows are dense, unless a function gives dicts: then all are sparse.

    Args:
        functions: (name, function).
        columns: number of each column, by its name, in order.
        sparse: whether rows are sparse.
    """

    kind: ClassVar[str] = "functions"

    def __init__(self, functions: Sequence[tuple[str, Function]], columns: Mapping[str, int], sparse: bool) -> None:
        self.functions, self.columns, self.sparse = functions, columns, sparse
        self.width = len(columns)
        self.means: Array | None = None
        self.deviations: Array | None = None

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        return sparse_types(self.width, self.means is not None) if self.sparse else dense_types(self.width)

    def encode(self, chunk: Any) -> Inputs:
        """See Encoder.encode."""
        return self.finish(self.rows([entries(self.functions, text) for text in chunk]))

    def rows(self, examples: Sequence[Mapping[str, float]], first: int = 0) -> Any:
        """Turn named numbers into an array or sparse rows."""
        return self._sparse(examples) if self.sparse else self._dense(examples, first)

    def finish(self, rows: Any) -> Inputs:
        """Standardise rows where that was learned."""
        if self.sparse:
            return encode_sparse(rows, self.means, self.deviations)
        return encode_dense(rows, self.means, self.deviations)

    def _dense(self, examples: Sequence[Mapping[str, float]], first: int) -> NDArray[np.float64]:
        table = np.zeros((len(examples), self.width))
        for number, example in enumerate(examples):
            if example.keys() != self.columns.keys():
                odd = sorted(example.keys() ^ self.columns.keys())
                raise InputError(
                    f"a feature function gave vectors of different lengths: not every text has {', '.join(odd[:5])}"
                )
            table[number] = list(example.values())
        require_finite(table, list(self.columns), first)
        return table

    def _sparse(self, examples: Sequence[Mapping[str, float]]) -> SparseRows:
        known = [
            sorted((self.columns[name], value) for name, value in example.items() if name in self.columns and value)
            for example in examples
        ]
        flat = [entry for example in known for entry in example]
        offsets = np.concatenate([[0], np.cumsum([len(example) for example in known])]).astype(np.int64)
        ids = np.array([column for column, _ in flat], dtype=np.int32)
        values = np.array([value for _, value in flat], dtype=np.float32)
        if not np.isfinite(values).all():
            place = int(np.flatnonzero(~np.isfinite(values))[0])
            row, column = int(np.searchsorted(offsets, place, side="right")) - 1, list(self.columns)[ids[place]]
            raise InputError(
                f"features must be finite; got {values[place]} in row {row}, column {column} (rows from 0)"
            )
        return SparseRows(ids, values, offsets, self.width)

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """Functions are code and are never stored, so nothing can be restored."""
        raise InputError("feature functions are code; they are not stored with a model")


def named_functions(features: Any) -> list[tuple[str, Function]]:
    """Bring a callable, a list of callables, or a dict name -> callable to (name, callable) pairs.

    Raises:
        InputError: something else, or nothing.
    """
    if callable(features):
        pairs = [(_name(features, 0), features)]
    elif isinstance(features, Mapping):
        pairs = [(str(name), function) for name, function in features.items()]
    elif isinstance(features, list | tuple):
        pairs = [(_name(function, i), function) for i, function in enumerate(features)]
    else:
        raise InputError(f"features is a name, a function, a list or a dict of functions; got {features!r:.60}")
    if not pairs:
        raise InputError("features has no functions; give at least one")
    for name, function in pairs:
        if not callable(function):
            raise InputError(f"feature {name!r} is not a function; got {function!r:.60}")
    names = [name for name, _ in pairs]
    return [(f"{name}#{i}" if names.count(name) > 1 else name, function) for i, (name, function) in enumerate(pairs)]


def _name(function: Any, number: int) -> str:
    name = str(getattr(function, "__name__", ""))
    return name if name and name != "<lambda>" else f"f{number}"


def entries(functions: Sequence[tuple[str, Function]], text: str) -> dict[str, float]:
    """Everything the functions say of a text, by column name.

    Raises:
        InputError: a function gives something that is neither a number, a vector nor a dict of numbers.
    """
    out: dict[str, float] = {}
    for name, function in functions:
        value = function(text)
        if isinstance(value, Mapping):
            for key, number in value.items():
                out[f"{name}[{key}]"] = _number(name, number, text)
        elif np.ndim(value) == 1:
            for place, number in enumerate(value):
                out[f"{name}[{place}]"] = _number(name, number, text)
        else:
            out[name] = _number(name, value, text)
    return out


def _number(name: str, value: Any, text: str) -> float:
    if isinstance(value, bool | int | float | np.number | np.bool_) and not isinstance(value, np.complexfloating):
        return float(value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return float(value)
    raise InputError(f"feature {name!r} must give numbers; got {type(value).__name__} ({value!r:.40}) for {text!r:.40}")


def learn_functions(model: TextClassifier, source: Source, progress: Progress) -> tuple[FunctionEncoder, Inputs]:
    """Call the functions on every training text, learn the columns, and encode.

    Raises:
        InputError: see ``entries``; or a value that is not finite, with row and column.
    """
    functions = named_functions(model.features)
    examples: list[dict[str, float]] = []
    gives_dicts = False
    for chunk in source.chunks(CHUNK):
        if not examples:
            gives_dicts = any(isinstance(function(chunk[0]), Mapping) for _, function in functions)
        examples.extend(entries(functions, text) for text in chunk)
        progress.on_data("computing features", len(examples), source.fraction(len(examples)))
    for row, example in enumerate(examples):
        for name, value in example.items():
            if not np.isfinite(value):
                raise InputError(f"features must be finite; got {value} in row {row}, column {name} (rows from 0)")
    names = sorted({name for example in examples for name in example}) if gives_dicts else list(examples[0])
    encoder = FunctionEncoder(functions, {name: i for i, name in enumerate(names)}, gives_dicts)
    if gives_dicts:
        builder = SparseBuilder(encoder.width)
        builder.append(encoder.rows(examples))
        rows: Any = builder.finish()
    else:
        rows = encoder.rows(examples)
    if model.standardize or (model.standardize is None and not gives_dicts):
        encoder.means, encoder.deviations = sparse_moments(rows) if gives_dicts else dense_moments(rows)
    return encoder, encoder.finish(rows)
