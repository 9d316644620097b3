"""Words as ids to look up in an embedding matrix; vectors learned with the network or read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.encoder import Encoder, encode_words, train_tokenizer
from lexgrad.models.features.inputs import Inputs, PackedInputs, PaddedInputs, packed_types, padded_types
from lexgrad.models.sources import Source
from lexgrad.text.packed import PackedTexts
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]
DIMENSIONS = 50  # of embeddings, where neither settings nor vectors say


class WordEncoder(Encoder):
    """Texts as word ids.

    Args:
        tokenizer: cuts texts into tokens; its ids are the rows of the embedding matrix.
        length: for concatenated embeddings, the tokens of the longest training text; None for pooled ones.
        dimensions: d, the width of the embedding matrix.
        vectors: (words, d) the embedding matrix before training, rows of words without a vector NaN; or None.
    """

    kind: ClassVar[str] = "words"
    words: ClassVar[bool] = True

    def __init__(self, tokenizer: Tokenizer, length: int | None, dimensions: int, vectors: Array | None = None) -> None:
        self.tokenizer, self.length, self.dimensions, self.vectors = tokenizer, length, dimensions, vectors
        self.width = tokenizer.size

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        return packed_types() if self.length is None else padded_types(self.length)

    def encode(self, chunk: Any) -> Inputs:
        """See Encoder.encode."""
        assert self.tokenizer is not None
        return self.inputs(self.tokenizer.encode(chunk))

    def inputs(self, texts: PackedTexts) -> Inputs:
        """Wrap packed texts as graph inputs."""
        return PackedInputs(texts) if self.length is None else PaddedInputs(texts, self.length)

    def config(self) -> dict[str, Any]:
        """See Encoder.config."""
        return {"length": self.length, "dimensions": self.dimensions}

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """See Encoder.restore."""
        assert tokenizer is not None
        return cls(tokenizer, config["length"], int(config["dimensions"]))


def learn_words(model: TextClassifier, source: Source, progress: Progress) -> tuple[WordEncoder, Inputs]:
    """Learn the words, read vectors for them where the settings name some, and encode the training texts.

    Raises:
        InputError: vectors of another width than ``dimensions``, or none for any word of the texts.
    """
    tokenizer = train_tokenizer(model, source, progress, model.max_features)
    vectors, asked = getattr(model, "vectors", None), getattr(model, "dimensions", None)
    matrix = None if vectors is None else vectors_for(tokenizer.vocabulary, vectors, asked)
    dimensions = (asked or DIMENSIONS) if matrix is None else int(matrix.shape[1])
    texts = encode_words(tokenizer, source, progress)
    if len(texts.ids) == 0:
        raise InputError("the training texts have no tokens: there are no words to learn from")
    length = int(np.diff(texts.offsets).max()) if getattr(model, "pool", "mean") == "concat" else None
    encoder = WordEncoder(tokenizer, length, dimensions, matrix)
    return encoder, encoder.inputs(texts)


def initial_embeddings(
    encoder: WordEncoder, shape: tuple[int, ...], std: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return an embedding matrix before training.

    A word that never occurred in training has the zero vector. A word of the training texts that has no vector in the
    pretrained ones starts at random, with the deviation of those that have one.

    Args:
        encoder: its tokenizer says which words there are, its ``vectors`` which of them have a vector.
        shape: (words, d).
        std: the deviation, where there are no pretrained vectors.
        random: what is drawn from.
    """
    vectors = getattr(encoder, "vectors", None)
    E = random.standard_normal(shape) * (std if vectors is None else float(np.nanstd(vectors)))
    if vectors is not None:
        E = np.where(np.isnan(vectors), E, vectors)
    if encoder.tokenizer is not None and (vectors is None or np.isnan(vectors[encoder.tokenizer.unknown, 0])):
        E[encoder.tokenizer.unknown] = 0.0
    return np.asarray(E)


def vectors_for(vocabulary: list[str], vectors: Any, dimensions: int | None) -> NDArray[np.float64]:
    """Find the vector of each word of a vocabulary.

    Args:
        vocabulary: words by id.
        vectors: a path, WordVectors, or (words, matrix).
        dimensions: the width asked for, or None for whatever it is.

    Returns:
        (words, d); a row of NaN for a word without a vector. A word is looked up as it is, then lower-cased.

    Raises:
        InputError: the width is another, shapes do not agree, or no word of the vocabulary has a vector.
    """
    name, words, matrix = _open(vectors, vocabulary)
    if matrix.ndim != 2 or len(words) != len(matrix):
        raise InputError(
            f"{name}: expected one row a word; got {len(words)} words and a matrix of shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise InputError(f"{name}: the vector of {words[row]!r} has NaN or infinity")
    width = matrix.shape[1]
    if dimensions is not None and dimensions != width:
        raise InputError(f"{name} has vectors of width {width}, but dimensions={dimensions}; leave dimensions out")
    rows = {word: row for row, word in reversed(list(enumerate(words)))}
    found = np.full((len(vocabulary), width), np.nan)
    for number, word in enumerate(vocabulary):
        row = rows.get(word, rows.get(word.lower(), -1))
        if row >= 0:
            found[number] = matrix[row]
    if np.isnan(found[:, 0]).all():
        raise InputError(f"{name}: none of the {len(words)} words is among the {len(vocabulary)} words of the texts")
    return found


def _open(vectors: Any, vocabulary: list[str]) -> tuple[str, list[str], NDArray[Any]]:
    if isinstance(vectors, str | Path):
        from lexgrad.text.vectors import read_vectors

        wanted = set(vocabulary) | {word.lower() for word in vocabulary}
        read = read_vectors(vectors, words=wanted)
        if not len(read.words):
            raise InputError(f"{vectors}: none of its words is among the {len(vocabulary)} words of the texts")
        return str(vectors), list(read.words), np.asarray(read.matrix)
    if isinstance(vectors, tuple) and len(vectors) == 2:
        words, matrix = vectors
    elif hasattr(vectors, "words") and hasattr(vectors, "matrix"):
        words, matrix = vectors.words, vectors.matrix
    else:
        raise InputError(f"vectors is a path, WordVectors, or (words, matrix); got {type(vectors).__name__}")
    return "vectors", [str(word) for word in words], np.asarray(matrix, dtype=np.float64)
