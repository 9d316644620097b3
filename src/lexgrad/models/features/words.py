"""Words as ids to look up in an embedding matrix; vectors learned with the network or read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.encoder import Encoder, learn_tokens
from lexgrad.models.features.inputs import Batch, Inputs, PackedInputs, PaddedInputs, packed_types, padded_types
from lexgrad.models.features.parts_of_speech import TaggedBy
from lexgrad.models.features.pretrained import MOST_OTHERS, Coverage, with_vectors
from lexgrad.models.features.word_kinds import named_features, word_kinds
from lexgrad.models.sources import Source
from lexgrad.text.packed import PackedTexts, offsets_of_one
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]
Int64 = NDArray[np.int64]
DIMENSIONS = 50  # of embeddings, where neither settings nor vectors say
KIND = "kind."  # prefix of the arrays of further features


class WordEncoder(Encoder):
    """Texts as word ids.

    Args:
        tokenizer: cuts texts into tokens; its ids are the rows of the embedding matrix.
        length: for concatenated embeddings, the tokens of the longest training text; None for pooled ones.
        dimensions: d, the width of the embedding matrix.
        vectors: (words, d) the embedding matrix before training, rows of words without a vector NaN; or None.
        coverage: how much of the training texts those vectors cover; None without vectors.
        kinds: further features: the kind of each word, (words,), by the feature's name.
    """

    kind: ClassVar[str] = "words"
    words: ClassVar[bool] = True
    kinds: Mapping[str, Array] = MappingProxyType({})

    def __init__(
        self,
        tokenizer: Tokenizer,
        length: int | None,
        dimensions: int,
        vectors: Array | None = None,
        coverage: Coverage | None = None,
        kinds: Mapping[str, Array] | None = None,
    ) -> None:
        self.tokenizer, self.length, self.dimensions = tokenizer, length, dimensions
        self.vectors, self.coverage, self.kinds = vectors, coverage, dict(sorted((kinds or {}).items()))
        self.width = tokenizer.size

    def input_types(self) -> dict[str, Type]:
        """See Encoder.input_types."""
        return packed_types(self.kinds) if self.length is None else padded_types(self.length)

    def encode(self, chunk: Any) -> Inputs:
        """See Encoder.encode."""
        assert self.tokenizer is not None
        return self.inputs(self.tokenizer.encode(chunk))

    def encode_one(self, text: str) -> Batch:
        """See Encoder.encode_one."""
        assert self.tokenizer is not None
        return self.one_text(self.tokenizer.encode_one(text))

    def one_text(self, ids: Int64) -> Batch:
        """Return the graph's inputs for one text of these words."""
        if self.length is not None:
            row = np.full((1, self.length), -1, np.int64)
            row[0, : len(ids)] = ids[: self.length]
            return {"ids": row}
        batch = {"ids": ids, "offsets": offsets_of_one(len(ids))}
        for name, table in self.kinds.items():
            batch[f"kind_{name}"] = table[ids]
        return batch

    def inputs(self, texts: PackedTexts) -> Inputs:
        """Wrap packed texts as graph inputs."""
        return PackedInputs(texts, self.kinds) if self.length is None else PaddedInputs(texts, self.length)

    def config(self) -> dict[str, Any]:
        """See Encoder.config."""
        covered = {} if self.coverage is None else {"vectors": asdict(self.coverage)}
        return {"length": self.length, "dimensions": self.dimensions, **covered}

    @classmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """See Encoder.restore."""
        assert tokenizer is not None
        coverage = Coverage(**config["vectors"]) if "vectors" in config else None
        kinds = {name.removeprefix(KIND): table for name, table in arrays.items() if name.startswith(KIND)}
        return cls(tokenizer, config["length"], int(config["dimensions"]), coverage=coverage, kinds=kinds)

    def arrays(self) -> dict[str, Array]:
        """See Encoder.arrays."""
        return {f"{KIND}{name}": table for name, table in self.kinds.items()}


def learn_words(model: TextClassifier, source: Source, progress: Progress) -> tuple[WordEncoder, Inputs]:
    """Learn the words, read vectors for them where the settings name some, and encode the training texts.

    Raises:
        InputError: vectors of another width than ``dimensions``, or none for any word of the texts.
    """
    tokenizer, ids = learn_tokens(model, source, progress, model.max_features)
    vectors, asked = getattr(model, "vectors", None), getattr(model, "dimensions", None)
    words, matrix = tokenizer.size, None
    if vectors is not None:
        tokenizer, matrix = with_vectors(tokenizer, vectors, asked, _others(model))
    usual: int = getattr(model, "usual_dimensions", DIMENSIONS)
    dimensions = int(asked or usual) if matrix is None else int(matrix.shape[1])
    if tokenizer.size == 1:
        if model.max_features == 1:
            raise InputError("max_features counts the unknown word, too: with 1 there is no other; raise it")
        raise InputError(f"{source.name}: no word is there {model.min_count} times or more: lower min_count")
    texts = ids(tokenizer)
    if len(texts.ids) == 0:
        raise InputError("the training texts have no tokens: there are no words to learn from")
    length = int(np.diff(texts.offsets).max()) if getattr(model, "pool", "mean") == "concat" else None
    coverage = None if matrix is None else Coverage.of(matrix, texts.ids, words)
    if coverage is not None:
        progress.on_note(str(coverage))
    asked = named_features(getattr(model, "word_features", ()))
    features = {
        name: feature.learn(tokenizer, source, progress) if isinstance(feature, TaggedBy) else feature
        for name, feature in asked.items()
    }
    kinds = word_kinds(features, tokenizer.vocabulary, tokenizer.unknown)
    made: type[WordEncoder] = getattr(model, "word_encoder", WordEncoder)
    encoder = made(tokenizer, length, dimensions, matrix, coverage, kinds)
    return encoder, encoder.inputs(texts)


def _others(model: TextClassifier) -> int:
    """How many words that no training text has a model takes from its vectors.

    Where training leaves the embeddings alone, a vector means the same whether its word was in the training texts or
    not. Where it moves them, those that stay behind mean something else, and an update of all rows takes longer.
    """
    asked: int | None = getattr(model, "vector_words", None)
    if model.tokens == "bpe":
        return 0  # it knows every text
    if asked is None:
        return MOST_OTHERS if "E" in model.frozen() else 0
    return asked


def initial_embeddings(
    encoder: WordEncoder, shape: tuple[int, ...], std: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Return an embedding matrix before training.

    A word that never occurred in training has the zero vector. A word of the training texts that has no vector in the
    pretrained ones is drawn uniformly from [−a, a] in each dimension, where a = √3 σ gives it their variance σ² (Kim
    2014, "Convolutional neural networks for sentence classification", section 3.2). Without pretrained vectors words
    are drawn from a normal distribution.

    Args:
        encoder: its tokenizer says which words there are, its ``vectors`` which of them have a vector.
        shape: (words, d).
        std: the deviation, where there are no pretrained vectors.
        random: what is drawn from.
    """
    vectors = getattr(encoder, "vectors", None)
    if vectors is None:
        E = random.standard_normal(shape) * std
    else:
        a = np.sqrt(3.0) * float(np.nanstd(vectors))
        E = np.where(np.isnan(vectors), random.uniform(-a, a, shape), vectors)
    if encoder.tokenizer is not None and (vectors is None or np.isnan(vectors[encoder.tokenizer.unknown, 0])):
        E[encoder.tokenizer.unknown] = 0.0
    return np.asarray(E)
