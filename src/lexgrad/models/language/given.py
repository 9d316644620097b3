"""The words that a language model is told to know, in place of those of its training text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lexgrad.errors import InputError
from lexgrad.models.language.lines import lines_of
from lexgrad.text.corpus import Corpus
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.run import CONFIG, TOKENIZER


def given_tokenizer(vocabulary: Any, kind: str, max_words: int | None) -> Tokenizer:
    """Return the tokenizer of a run, or one that knows every token of a text.

    Args:
        vocabulary: the directory of a run; or a text, of which a list of words, one a line, is one: a file or what
            else ``Corpus.open`` takes, a Corpus, or a list of lines.
        kind: what the model's tokens are.
        max_words: at most this many tokens, the most frequent ones of the text.

    Raises:
        InputError: there is no such file, no token in it, or the run's tokens are of another kind.
    """
    if not isinstance(vocabulary, str | os.PathLike):
        return Tokenizer.train(lines_of(Corpus.of(vocabulary), kind), kind=kind, max_size=max_words)
    folder = Path(vocabulary)
    if (folder / CONFIG).is_file():
        return _of_run(folder, kind, max_words)
    try:
        return Tokenizer.train(lines_of(Corpus.open(vocabulary), kind), kind=kind, max_size=max_words)
    except InputError as fault:
        raise InputError(f"vocabulary: {fault}") from fault


def _of_run(folder: Path, kind: str, max_words: int | None) -> Tokenizer:
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    if tokenizer.kind != kind:
        raise InputError(
            f"vocabulary: {folder} knows tokens of kind {tokenizer.kind!r}, not {kind!r}: set tokens={tokenizer.kind}"
        )
    if max_words is not None and max_words < tokenizer.size:
        raise InputError(
            f"vocabulary: {folder} knows {tokenizer.size:,} tokens, more than max_words={max_words}: leave that out"
        )
    return tokenizer
