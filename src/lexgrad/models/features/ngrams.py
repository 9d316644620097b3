"""Counts, presence or tf-idf of n-grams: sparse rows that are never made dense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.arrays import encode_sparse, moments_arrays
from lexgrad.models.features.encoder import Encoder, chunked, learn_tokens
from lexgrad.models.features.inputs import Batch, Inputs, SparseInputs, sparse_types
from lexgrad.models.features.sparse_builder import SparseBuilder
from lexgrad.models.features.standardizing import sparse_moments
from lexgrad.models.sources import Source
from lexgrad.text.ngrams import NgramTable
from lexgrad.text.packed import PackedTexts, SparseRows, offsets_of_one
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]


class NgramEncoder(Encoder):
    """Texts as weighted n-grams.

    Args:
        weighting: "counts", "presence" (1 where there is one) or "tfidf".
        tokenizer: cuts texts into tokens.
        table: the n-grams that count, with their document frequencies.
        means: (d,) or None, for standardising.
        deviations: (d,) or None.

    tf-idf is count times ln((1 + n) / (1 + df)) + 1, each text scaled to Euclidean norm 1, as scikit-learn's
    TfidfVectorizer does by default: n is the number of training texts, df how many of them hold the n-gram.
    """

    kind: ClassVar[str] = "ngrams"

    def __init__(
        self,
        weighting: str,
        tokenizer: Tokenizer,
        table: NgramTable,
        means: Array | None = None,
        deviations: Array | None = None,
    ) -> None:
        self.weighting, self.tokenizer, self.table = weighting, tokenizer, table
        self.means, self.deviations = means, deviations
        self.width = table.size
        self.idf = np.log((1.0 + table.documents) / (1.0 + table.document_frequency)) + 1.0

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        return sparse_types(self.width, self.means is not None)

    def encode(self, chunk: Any) -> SparseInputs:
        """See Encoder.encode."""
        assert self.tokenizer is not None
        return self.inputs(self.tokenizer.encode(chunk))

    def encode_one(self, text: str) -> Batch:
        """See Encoder.encode_one."""
        assert self.tokenizer is not None
        ids, counts = self.table.transform_one(self.tokenizer.encode_one(text))
        offsets = offsets_of_one(len(ids))
        values = self._weighted(ids, counts, offsets)
        if self.means is None or self.deviations is None:
            return {"ids": ids, "values": values, "offsets": offsets}
        shift = {"shift": self.means / self.deviations}
        return {"ids": ids, "values": values / self.deviations[ids], "offsets": offsets, **shift}

    def inputs(self, texts: PackedTexts) -> SparseInputs:
        """Wrap packed texts as graph inputs."""
        return encode_sparse(self.weigh(texts), self.means, self.deviations)

    def weigh(self, texts: PackedTexts) -> SparseRows:
        """Count the n-grams of packed texts and weight them."""
        counts = self.table.transform(texts)
        values = self._weighted(counts.ids, counts.values, counts.offsets)
        return SparseRows(counts.ids, values, counts.offsets, counts.columns)

    def _weighted(self, ids: Array, counts: Array, offsets: Array) -> Array:
        """What stands in the place of each count."""
        if self.weighting == "presence":
            return np.ones_like(counts)
        if self.weighting == "tfidf":
            return _unit_rows(counts * self.idf[ids], offsets).astype(np.float32)
        return counts

    def feature_names(self) -> list[str]:
        """The n-grams, in the order of the columns."""
        assert self.tokenizer is not None
        vocabulary = self.tokenizer.vocabulary
        return [self.table.name(feature, vocabulary) for feature in range(self.width)]

    def config(self) -> dict[str, Any]:
        """See Encoder.config."""
        return {"weighting": self.weighting}

    def arrays(self) -> dict[str, Array]:
        """See Encoder.arrays."""
        table = {f"ngrams.{name}": array for name, array in self.table.arrays().items()}
        return table | moments_arrays(self.means, self.deviations)

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """See Encoder.restore."""
        assert tokenizer is not None
        parts = {name.removeprefix("ngrams."): array for name, array in arrays.items() if name.startswith("ngrams.")}
        table = NgramTable.from_arrays(parts)
        return cls(config["weighting"], tokenizer, table, arrays.get("means"), arrays.get("deviations"))


def learn_ngrams(model: TextClassifier, source: Source, progress: Progress) -> tuple[NgramEncoder, Inputs]:
    """Learn tokens and n-grams, and encode the training texts.

    Raises:
        InputError: no n-gram is left.
    """
    # A token rarer than min_count is in no n-gram that is frequent enough, so it need not be kept.
    tokenizer, ids = learn_tokens(model, source, progress, None)
    texts = ids(tokenizer)

    def watched(what: str) -> Iterator[PackedTexts]:
        done = 0
        for chunk in chunked(texts)():
            yield chunk
            done += len(chunk)
            progress.on_data(what, done, done / max(len(texts), 1))

    table = NgramTable.fit(
        watched("finding n-grams"),
        orders=model.orders(),
        min_count=model.min_count,
        max_features=model.max_features,
        skip=tokenizer.unknown,
    )
    if table.size == 0:
        raise InputError(
            f"no n-gram is left to learn from: the texts have no tokens, or min_count={model.min_count} leaves out all"
        )
    encoder = NgramEncoder(model.features, tokenizer, table)
    builder = SparseBuilder(table.size)
    for chunk in watched("counting n-grams"):
        builder.append(encoder.weigh(chunk))
    rows = builder.finish()
    if model.standardize:
        encoder.means, encoder.deviations = sparse_moments(rows)
    return encoder, encode_sparse(rows, encoder.means, encoder.deviations)


def _unit_rows(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scale each row to Euclidean norm 1; an empty row stays as it is."""
    lengths = np.diff(offsets)
    row = np.repeat(np.arange(len(lengths)), lengths)
    squares = np.bincount(row, values * values, minlength=len(lengths))
    return np.asarray(values / np.sqrt(squares)[row])
