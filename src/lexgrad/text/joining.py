"""Tokens back to text, one at a time: where a space belongs between two words."""

from __future__ import annotations

from collections.abc import Callable

from lexgrad.text.tokenizer import Tokenizer

NO_SPACE_BEFORE = frozenset({*".,;:!?)]}%…", "n't", "'s", "'m", "'d", "'re", "'ve", "'ll", "’"})
NO_SPACE_AFTER = frozenset("([{$#£€")


def joiner(tokenizer: Tokenizer) -> Callable[[int], str]:
    """Return a function that is given one token id after another and returns what each adds to the text.

    Words get a space between them, and those of the kinds "lower" and "words" none before a full stop and its like.
    Characters are added as they are. Of byte-pair pieces whatever is whole is added: half a character waits.
    """
    if tokenizer.kind == "characters":
        return lambda token: tokenizer.vocabulary[token]
    return _Pieces(tokenizer) if tokenizer.kind == "bpe" else _Words(tokenizer)


class _Words:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._vocabulary, self._cut = tokenizer.vocabulary, tokenizer.kind != "spaces"
        self._last: str | None = None

    def __call__(self, token: int) -> str:
        word, last = self._vocabulary[token], self._last
        self._last = word
        if last is None or (self._cut and (word in NO_SPACE_BEFORE or last in NO_SPACE_AFTER)):
            return word
        return f" {word}"


class _Pieces:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._waiting: list[int] = []

    def __call__(self, token: int) -> str:
        self._waiting.append(token)
        text = self._tokenizer.decode(self._waiting)
        if text.endswith("\ufffd") and len(self._waiting) < 4:
            return ""  # bytes of a character whose rest is to come
        self._waiting = []
        return text
