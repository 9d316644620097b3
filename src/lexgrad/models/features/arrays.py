"""Numbers as they come: a 2-D array or a SciPy sparse matrix, standardised on request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.encoder import Encoder
from lexgrad.models.features.inputs import DenseInputs, Inputs, SparseInputs, dense_types, sparse_types
from lexgrad.models.features.standardizing import dense_moments, sparse_moments
from lexgrad.models.sources import Source
from lexgrad.text.packed import SparseRows
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.text.tokenizer import Tokenizer

Array = NDArray[Any]


class ArrayEncoder(Encoder):
    """Rows of numbers, dense or sparse as in training.

    Args:
        takes: "dense" or "sparse".
        width: columns.
        means: (d,) or None.
        deviations: (d,) or None.
    """

    kind: ClassVar[str] = "array"

    def __init__(self, takes: str, width: int, means: Array | None, deviations: Array | None) -> None:
        self.takes, self.width, self.means, self.deviations = takes, width, means, deviations

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        if self.takes == "dense":
            return dense_types(self.width)
        return sparse_types(self.width, self.means is not None)

    def encode(self, chunk: Any) -> Inputs:
        """See Encoder.encode; a sparse chunk for a model of dense rows is made dense, and the other way round."""
        if self.takes == "dense":
            return encode_dense(chunk, self.means, self.deviations)
        rows = chunk if isinstance(chunk, SparseRows) else _as_sparse(chunk)
        return encode_sparse(rows, self.means, self.deviations)

    def config(self) -> dict[str, Any]:
        """See Encoder.config."""
        return {"takes": self.takes, "width": self.width}

    def arrays(self) -> dict[str, Array]:
        """See Encoder.arrays."""
        return moments_arrays(self.means, self.deviations)

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """See Encoder.restore."""
        return cls(config["takes"], int(config["width"]), arrays.get("means"), arrays.get("deviations"))


def learn_arrays(model: TextClassifier, source: Source, progress: Progress) -> tuple[ArrayEncoder, Inputs]:
    """Learn means and deviations where the model standardises, and take the numbers over."""
    size = source.length or 0
    (whole,) = source.chunks(size)
    progress.on_data("encoding", size, 1.0)
    means = deviations = None
    if model.standardize:
        means, deviations = dense_moments(whole) if source.kind == "dense" else sparse_moments(whole)
    encoder = ArrayEncoder(source.kind, int(source.columns or 0), means, deviations)
    return encoder, encoder.encode(whole)


def encode_dense(chunk: Any, means: Array | None, deviations: Array | None) -> DenseInputs:
    """Standardise rows where means are given."""
    x = chunk.to_scipy().toarray() if isinstance(chunk, SparseRows) else chunk
    return DenseInputs(x if means is None or deviations is None else (x - means) / deviations)


def encode_sparse(rows: SparseRows, means: Array | None, deviations: Array | None) -> SparseInputs:
    """Attach what standardises sparse rows, where means are given."""
    if means is None or deviations is None:
        return SparseInputs(rows)
    return SparseInputs(rows, deviations, means / deviations)


def moments_arrays(means: Array | None, deviations: Array | None) -> dict[str, Array]:
    """Means and deviations by name, for model.safetensors."""
    if means is None or deviations is None:
        return {}
    return {"means": means, "deviations": deviations}


def _as_sparse(chunk: Array) -> SparseRows:
    from scipy.sparse import csr_array

    if chunk.ndim != 2:
        raise InputError(f"expected rows of numbers (n, d); got an array of {chunk.ndim} axes")
    return SparseRows.from_scipy(csr_array(np.asarray(chunk)))
