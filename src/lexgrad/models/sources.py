"""What people give as X, brought to one form: restartable chunks of texts, of rows of numbers, or of sparse rows."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.text.packed import SparseRows

Chunk: TypeAlias = "list[str] | NDArray[Any] | SparseRows"
Kind: TypeAlias = Literal["text", "dense", "sparse"]


@dataclass(frozen=True)
class Source:
    """Examples that can be gone through any number of times.

    Attributes:
        kind: texts, rows of numbers, or sparse rows.
        name: what errors call it: a file's name, or "X".
        chunks: ``chunks(size)`` yields the examples in order, ``size`` at a time.
        labels: restartable labels where the source brings its own, else None.
        fingerprint: a hash of the content (labels included where the source brings them).
        columns: how many columns rows of numbers have.
        length: how many examples, where that is known beforehand.
        read: how far the latest pass has come, in [0, 1], where the source knows.
    """

    kind: Kind
    name: str
    chunks: Callable[[int], Iterator[Any]]
    labels: Callable[[], Iterable[Any]] | None
    fingerprint: Callable[[], str]
    columns: int | None = None
    length: int | None = None
    read: Callable[[], float | None] = lambda: None

    def fraction(self, done: int) -> float | None:
        """How far a pass has come that has given ``done`` examples, in [0, 1]; None where nobody knows."""
        return min(done / self.length, 1.0) if self.length else self.read()


def open_source(X: Any, estimator: Any, *, learn: bool = False) -> Source:
    """Recognise X: a table, texts, an array, or a sparse matrix.

    Args:
        X: what a person gave to ``fit`` or ``predict``.
        estimator: whose ``n_features_in_`` is set (``learn``) or checked against, where it reads numbers as well.
        learn: whether this is ``fit``.

    Raises:
        InputError: none of these, or empty where there is something to learn from, or numbers that are not finite.
    """
    if isinstance(X, Source):
        return X
    if isinstance(X, str | bytes):
        raise InputError(f"expected a list of texts; got one {type(X).__name__}: put it in a list, [text]")
    if callable(getattr(X, "texts", None)) and callable(getattr(X, "fingerprint", None)):
        return _table_source(X)
    if isinstance(X, Iterator):
        raise InputError("expected a list of texts, an array or a table; got an iterator, which can be read only once")
    texts = _as_texts(X)
    if texts is None and getattr(estimator, "texts_only", False):
        raise InputError(f"{type(estimator).__name__} reads texts; got {_described(X)}: give it a list of texts (str)")
    source = _text_source(texts) if texts is not None else _number_source(X, estimator, learn)
    if learn and source.length == 0:
        raise InputError("there is nothing to learn from: X is empty (0 texts)")
    return source


def labels_of(source: Source, y: Any) -> Iterable[Any]:
    """Return the labels given beside X, or the source's own.

    Raises:
        InputError: there are none, or both.
    """
    if source.labels is None:
        if y is None:
            raise InputError("training and evaluating requires y to be passed, but the target y is None")
        return y  # type: ignore[no-any-return]
    if y is not None:
        raise InputError(f"{source.name} brings its own labels; leave y out")
    return source.labels()


def check_lengths(source: Source, labels: Any) -> None:
    """Compare how many examples and labels there are, where both are known beforehand.

    Raises:
        InputError: there are more of the one than of the other.
    """
    if source.length is not None and hasattr(labels, "__len__") and len(labels) != source.length:
        raise InputError(
            f"X and y must have the same length; X has {source.length} examples, y has {len(labels)} labels"
        )


def _table_source(table: Any) -> Source:
    def chunks(size: int) -> Iterator[list[str]]:
        texts = iter(table.texts())
        while chunk := list(itertools.islice(texts, size)):
            yield chunk

    def read() -> float | None:
        position, total = getattr(table, "position", None), getattr(table, "total_bytes", 0)
        return min(position / total, 1.0) if total and position is not None else None

    labels = table.labels if getattr(table, "has_labels", True) else None
    name = str(getattr(table, "source", "table"))
    return Source("text", name, chunks, labels, table.fingerprint, read=read)


def _as_texts(X: Any) -> list[str] | None:
    """The texts in X, or None where X holds numbers."""
    if isinstance(X, list | tuple):
        items: Any = X
    elif getattr(X, "ndim", None) == 1 or _is_column(X):
        items = np.asarray(X, dtype=object).tolist()
    else:
        return None
    if not len(items):
        return [] if not isinstance(X, np.ndarray) or X.dtype.kind in "OUS" else None
    if not any(isinstance(item, str) for item in items[:10]):
        return None
    for number, item in enumerate(items):
        if not isinstance(item, str):
            raise InputError(f"expected texts (str); got {type(item).__name__} ({item!r:.40}) at place {number} of X")
    return [str(item) for item in items]


def _is_column(X: Any) -> bool:
    """Whether X is an array of Arrow's or a series of Polars'."""
    return (hasattr(X, "to_pylist") or hasattr(X, "to_list")) and not hasattr(X, "columns")


def _described(X: Any) -> str:
    """What somebody gave instead of texts, in a few words."""
    if hasattr(X, "dtype"):
        return f"{'numbers' if getattr(X.dtype, 'kind', '') in tuple('biuf') else 'an array'} of shape {X.shape}"
    return type(X).__name__ + (f" of {type(X[0]).__name__}" if isinstance(X, list | tuple) and X else "")


def _text_source(texts: list[str]) -> Source:
    def chunks(size: int) -> Iterator[list[str]]:
        return (texts[begin : begin + size] for begin in range(0, len(texts), size))

    return Source("text", "X", chunks, None, lambda: hash_texts(texts), length=len(texts))


def _number_source(X: Any, estimator: Any, learn: bool) -> Source:
    from sklearn.utils.validation import validate_data

    try:
        checked = validate_data(
            estimator, X, reset=learn, accept_sparse="csr", dtype="numeric", ensure_all_finite=False
        )
    except ValueError as fault:
        raise InputError(" ".join(str(fault).split())) from fault
    if hasattr(checked, "indptr"):
        checked.sort_indices()
        values = checked.data
        if not np.isfinite(values).all():
            _refuse(checked.tocoo(), values)
        rows = SparseRows.from_scipy(checked)
        return Source(
            "sparse",
            "X",
            lambda size: (rows.select(np.arange(b, min(b + size, len(rows)))) for b in range(0, len(rows), size)),
            None,
            lambda: hash_arrays(rows.ids, rows.values, rows.offsets),
            columns=rows.columns,
            length=len(rows),
        )
    table = np.asarray(checked, dtype=np.float64)
    require_finite(table)
    return Source(
        "dense",
        "X",
        lambda size: (table[begin : begin + size] for begin in range(0, len(table), size)),
        None,
        lambda: hash_arrays(table),
        columns=table.shape[1],
        length=len(table),
    )


def require_finite(table: NDArray[np.float64], columns: list[str] | None = None, first_row: int = 0) -> None:
    """Raise InputError with row and column of the first entry that is NaN or infinite (both counted from 0)."""
    bad = ~np.isfinite(table)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        called = f" ({columns[column]})" if columns else ""
        value = _word(table[row, column])
        raise InputError(
            f"features must be finite; got {value} in row {row + first_row}, column {column}{called} (from 0)"
        )


def _refuse(coo: Any, values: NDArray[Any]) -> None:
    first = int(np.flatnonzero(~np.isfinite(values))[0])
    raise InputError(
        f"features must be finite; got {_word(values[first])} in row {coo.row[first]}, column {coo.col[first]} (from 0)"
    )


def _word(value: Any) -> str:
    return "NaN" if np.isnan(value) else "inf" if value > 0 else "-inf"


def hash_texts(texts: Iterable[Any]) -> str:
    """A hash of texts or labels in order."""
    digest = hashlib.sha256()
    for text in texts:
        data = str(text).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def hash_arrays(*arrays: NDArray[Any]) -> str:
    """A hash of arrays: shapes, dtypes and contents."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
