"""The vectors of whatever has some: a trained model's directory, a file of another tool, a model in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lexgrad.errors import InputError
from lexgrad.models.vectors.keyed import KeyedVectors
from lexgrad.text.kinds import END, UNKNOWN
from lexgrad.text.vectors import read_vectors


def open_vectors(place: str | os.PathLike[str]) -> KeyedVectors:
    """Open the vectors of a trained model's directory, or a file: word2vec's, GloVe's, fastText's ``.vec``.

    Bytes of a file's words that are not valid UTF-8 become U+FFFD.

    Raises:
        InputError: there is nothing there, it is neither, or the model has no word embeddings.
    """
    if not Path(place).is_dir():
        read = read_vectors(place, unicode_errors="replace")
        return KeyedVectors(read.words, read.matrix)
    from lexgrad.models.storage import load

    return vectors_of(load(Path(place)), os.fspath(place))


def vectors_of(model: Any, name: str = "the model") -> KeyedVectors:
    """Return the word embeddings of a fitted model.

    Raises:
        InputError: it has none.
    """
    own = getattr(model, "vectors", None)
    if isinstance(own, KeyedVectors):
        return own
    words, embeddings = _words_of(model), getattr(model, "parameters_", {}).get("E")
    if embeddings is None or words is None:
        raise InputError(f"{name} is a {type(model).__name__}, which has no word embeddings")
    return KeyedVectors(words, np.asarray(embeddings, np.float32))


def _words_of(model: Any) -> list[str] | None:
    """The words by row: those of a tokenizer, or of a lexicon, which begins behind the unknown word.

    A language model has a row for the end of a line behind them.
    """
    if getattr(model, "tokenizer_", None) is not None and model.task == "language":
        return [*model.tokenizer_.vocabulary, END]
    encoder: Any = getattr(model, "encoder_", None)
    if getattr(encoder, "tokenizer", None) is not None:
        return list(encoder.tokenizer.vocabulary)
    entries = getattr(getattr(encoder, "words", None), "entries", None)
    return None if entries is None else [UNKNOWN, *entries]
