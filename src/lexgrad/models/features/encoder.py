"""What an encoder is, which one a model's settings ask for, and how one is restored from files.

An encoder turns chunks of examples into the inputs of the graph. It learns from the training examples alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type
from lexgrad.models.features.inputs import Batch, Inputs
from lexgrad.models.sources import Source
from lexgrad.text.kinds import WORD_KINDS
from lexgrad.text.packed import PackedTexts, trim
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.models.classifiers.bag import BagOfNgrams
    from lexgrad.models.classifiers.base import TextClassifier
    from lexgrad.text.tokenizer import Tokenizer

Array = NDArray[Any]
CHUNK = 1 << 14  # texts that are encoded at a time
READ = 1 << 10  # texts that are taken from a source at a time
IN_MEMORY = 1 << 26  # bytes of ids beyond which they lie in a temporary file


class Encoder(ABC):
    """Turns examples into graph inputs.

    Attributes:
        kind: which encoder it is, as config.json records it.
        width: columns of the encoded rows; for embeddings, the number of words.
        words: whether rows are word ids to look up in an embedding matrix.
        tokenizer: the trained tokenizer, where texts are cut into tokens.
        takes: the kind of source it can encode.
    """

    kind: ClassVar[str]
    words: ClassVar[bool] = False
    width: int
    tokenizer: Tokenizer | None = None
    takes: str = "text"

    @abstractmethod
    def input_types(self) -> dict[str, Type]:
        """Types of the graph's inputs, by name."""

    @abstractmethod
    def encode(self, chunk: Any) -> Inputs:
        """Encode a chunk of a source: texts, rows, or sparse rows.

        Raises:
            InputError: a feature is not a finite number, or the chunk is of another kind.
        """

    def encode_one(self, text: str) -> Batch:
        """Return the graph's inputs for one text, for which somebody waits: those that ``encode`` would give."""
        return self.encode([text]).whole()

    def config(self) -> dict[str, Any]:
        """What config.json records, apart from the kind."""
        return {}

    def arrays(self) -> dict[str, Array]:
        """What model.safetensors records, by name."""
        return {}

    @classmethod
    @abstractmethod
    def restore(cls, config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer: Tokenizer | None) -> Self:
        """Make the encoder again from what ``config`` and ``arrays`` gave."""

    def check_source(self, source: Source) -> None:
        """Raise InputError where examples of another kind are given than the model was trained on."""
        if source.kind == "text" and self.takes != "text":
            raise InputError("this model was trained on numbers; got texts")
        if source.kind != "text" and self.takes == "text":
            raise InputError("this model was trained on texts; got numbers")


def learn_encoder(model: TextClassifier, source: Source, progress: Progress) -> tuple[Encoder, Inputs]:
    """Learn the encoder that a model's settings ask for, and encode the training examples with it.

    Raises:
        InputError: settings and examples do not go together, or a feature is not finite.
    """
    if source.kind != "text":
        from lexgrad.models.features.arrays import learn_arrays

        return learn_arrays(model, source, progress)
    if not isinstance(model.features, str):
        from lexgrad.models.features.functions import learn_functions

        return learn_functions(model, source, progress)
    if model.features == "embeddings":
        from lexgrad.models.features.words import learn_words

        return learn_words(model, source, progress)
    if model.features == "hashed":
        from lexgrad.models.features.hashed import learn_hashed

        return learn_hashed(cast("BagOfNgrams", model), source, progress)
    from lexgrad.models.features.ngrams import learn_ngrams

    return learn_ngrams(model, source, progress)


def restore_encoder(config: Mapping[str, Any], arrays: Mapping[str, Array], tokenizer_file: Path) -> Encoder:
    """Make an encoder from a model's files.

    Raises:
        InputError: an unknown kind, or something is missing.
    """
    from lexgrad.models.features.arrays import ArrayEncoder
    from lexgrad.models.features.hashed import HashedEncoder
    from lexgrad.models.features.ngrams import NgramEncoder
    from lexgrad.models.features.stepped import SteppedEncoder
    from lexgrad.models.features.words import WordEncoder
    from lexgrad.text.tokenizer import Tokenizer

    known = (ArrayEncoder, WordEncoder, SteppedEncoder, HashedEncoder, NgramEncoder)
    kinds: dict[str, type[Encoder]] = {cls.kind: cls for cls in known}
    kind = config.get("kind")
    if kind not in kinds:
        raise InputError(f"{tokenizer_file.parent}: unknown kind of features {kind!r}; known: {', '.join(kinds)}")
    tokenizer = Tokenizer.load(tokenizer_file) if kind != ArrayEncoder.kind else None
    try:
        return kinds[kind].restore(config, arrays, tokenizer)
    except (KeyError, TypeError, ValueError) as fault:
        raise InputError(f"{tokenizer_file.parent}: the model's files do not fit together ({fault!r})") from fault


Ids = Callable[["Tokenizer"], PackedTexts]
"""Gives the training texts as ids of a tokenizer, the one that was learned or one that extends it; called once."""


def learn_tokens(model: TextClassifier, source: Source, progress: Progress, size: int | None) -> tuple[Tokenizer, Ids]:
    """Learn the tokens, and say what gives the training texts' ids, which lie on disk beyond ``IN_MEMORY`` bytes.

    Words are numbered while they are learned, so that the texts are read once; characters and pieces of words are
    learned first, and then the texts are read again.

    Raises:
        InputError: the texts have no token.
    """
    from lexgrad.text.numbered import with_ids
    from lexgrad.text.numbering import Numbering
    from lexgrad.text.tokenizer import Tokenizer, in_batches

    watched = _watched(source, progress, "reading")
    if model.tokens not in WORD_KINDS:
        tokenizer = Tokenizer.train(watched, kind=model.tokens, min_count=model.min_count, max_size=size)
        return tokenizer, lambda tokenizer: encode_words(tokenizer, source, progress)
    with Numbering(model.tokens, limit_bytes=IN_MEMORY) as numbering:
        numbering.add_all(in_batches(watched))
        found = numbering.finish()
    counts = dict(zip(found.words, found.counts.tolist(), strict=True))
    if not counts:
        raise InputError(f"{source.name}: expected texts to learn from, found no token in any")
    tokenizer = Tokenizer.of_counts(counts, model.tokens, model.min_count, size)

    def ids(tokenizer: Tokenizer) -> PackedTexts:
        texts = with_ids(found.texts, tokenizer.ids(found.words), IN_MEMORY)
        if not texts.ids.flags.writeable:  # on disk: reading so much took memory that training can use
            trim()
        return texts

    return tokenizer, ids


def encode_words(tokenizer: Tokenizer, source: Source, progress: Progress) -> PackedTexts:
    """Return all texts as packed ids, on disk beyond ``IN_MEMORY`` bytes."""
    return tokenizer.encode(_watched(source, progress, "encoding"), limit_bytes=IN_MEMORY)


def _watched(source: Source, progress: Progress, what: str) -> Iterator[str]:
    done = 0
    for chunk in source.chunks(READ):
        yield from chunk
        done += len(chunk)
        progress.on_data(what, done, source.fraction(done))


def slices(count: int, size: int = CHUNK) -> Iterator[NDArray[np.int64]]:
    """Indices 0..count-1, ``size`` at a time."""
    for begin in range(0, count, size):
        yield np.arange(begin, min(begin + size, count))


def chunked(texts: PackedTexts) -> Callable[[], Iterator[PackedTexts]]:
    """A restartable stream of packed chunks."""
    return lambda: (texts.select(indices) for indices in slices(len(texts)))
