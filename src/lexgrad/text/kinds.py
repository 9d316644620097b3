"""The kinds of tokenizer: how each normalises and cuts text, as Hugging Face components."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

UNKNOWN = "<unk>"
END = "</s>"
"""How the end of a line is written where it is a token."""
WORD_KINDS = ("words", "lower", "spaces")
"""Kinds whose tokens are words, and not parts of them."""

# What a word is, tried in this order. English contractions come apart as in the Penn Treebank (do n't, it 's),
# so that raw text and text that was tokenised before give the same words.
#
# White space never belongs to a word, and no rule looks across it: `chunks.py` relies on that.
WORD = "|".join(
    (
        UNKNOWN,  # our own unknown word, where a corpus spells it out
        r"(?i:\w+?(?=n't\b))",  # do|n't, ca|n't
        r"(?i:n't\b)",
        r"(?i:'(?:s|m|d|re|ve|ll)\b)",
        r"\d+(?:[.,]\d+)+",  # 1,000 and 3.14
        r"[\p{Han}\p{Hiragana}]",  # written without spaces: a character at a time
        r"[\w&&[^\p{Han}\p{Hiragana}]]+",
        r"([^\w\s\p{Cc}])\1*",  # ... and !!! and -- are one mark each
    )
)

# What Python takes for white space is a little more than what Unicode does.
NOT_SPACE = r"[^\s\x1c-\x1f]+"


@dataclass(frozen=True)
class Kind:
    """One way to make tokens; each field makes the component, or is None where there is none."""

    normalizer: Callable[[], Any] | None
    pre_tokenizer: Callable[[], Any]
    decoder: Callable[[], Any] | None


def _matches(pattern: str) -> Any:
    return pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)


def _words() -> Any:
    return _matches(WORD)


def _straight_quotes() -> list[Any]:
    return [normalizers.NFC(), normalizers.Replace("’", "'")]


KINDS = {
    "lower": Kind(lambda: normalizers.Sequence([*_straight_quotes(), normalizers.Lowercase()]), _words, None),
    "words": Kind(lambda: normalizers.Sequence(_straight_quotes()), _words, None),
    "spaces": Kind(None, lambda: _matches(NOT_SPACE), None),
    "characters": Kind(None, lambda: pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated"), decoders.Fuse),
    "bpe": Kind(None, lambda: pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel),
}


def assemble(kind: str, model: Any) -> Tokenizer:
    """Return a Hugging Face tokenizer of a kind around a model."""
    parts = KINDS[kind]
    tokenizer = Tokenizer(model)
    if parts.normalizer:
        tokenizer.normalizer = parts.normalizer()
    tokenizer.pre_tokenizer = parts.pre_tokenizer()
    if parts.decoder:
        tokenizer.decoder = parts.decoder()
    return tokenizer


def with_words(kind: str, words: Sequence[str]) -> Tokenizer:
    """Return a tokenizer of a kind whose ids are the places of ``words``, the first being the unknown word."""
    vocabulary = {word: i for i, word in enumerate(words)}
    return assemble(kind, models.WordLevel(vocabulary, unk_token=UNKNOWN))


def normalise(tokenizer: Tokenizer, text: str) -> str:
    """Return text as the tokenizer's normaliser leaves it."""
    if tokenizer.normalizer is None:
        return text
    normal: str = tokenizer.normalizer.normalize_str(text)
    return normal


def cut(tokenizer: Tokenizer, normal: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the pieces of normalised text, and where they begin and end in it, in characters."""
    pieces: list[tuple[str, tuple[int, int]]] = tokenizer.pre_tokenizer.pre_tokenize_str(normal)
    return pieces


# WORD for ASCII alone, and in Python's own words, which are quicker for one chunk than a tokenizer's batch of them.
_ASCII_WORD = re.compile(
    "|".join(
        (
            UNKNOWN,
            r"(?i:\w+?(?=n't\b))",
            r"(?i:n't\b)",
            r"(?i:'(?:s|m|d|re|ve|ll)\b)",
            r"\d+(?:[.,]\d+)+",
            r"\w+",
            r"([^\w\s\x00-\x1f\x7f])\1*",
        )
    ),
    re.ASCII,
)


def ascii_words(kind: str, chunk: str) -> list[str] | None:
    """Return the words of a piece of ASCII text without white space: what the tokenizer would say, but quickly.

    Args:
        kind: "lower", "words" or "spaces".
        chunk: what ``str.split`` gives, or nothing.

    Returns:
        the words; None where there is more than ASCII, and the tokenizer has to be asked.
    """
    if not chunk.isascii():
        return None
    if kind == "spaces":
        return [chunk] if chunk else []
    if kind == "lower":
        chunk = chunk.lower()
    return [chunk] if chunk.isalnum() else [found.group() for found in _ASCII_WORD.finditer(chunk)]


def kind_of(tokenizer: Tokenizer) -> str | None:
    """Tell the kind by the components, so that a file of an older version, cut a little otherwise, keeps its kind."""
    normalizer, cutter = described(tokenizer.normalizer), described(tokenizer.pre_tokenizer) or {}
    told = (type(tokenizer.model).__name__, cutter.get("type"), cutter.get("behavior"))
    if told == ("WordLevel", "Split", "Removed"):
        if cutter["pattern"] == {"Regex": NOT_SPACE}:
            return "spaces"
        return "lower" if '"Lowercase"' in json.dumps(normalizer) else "words"
    known: dict[tuple[Any, Any, Any], str] = {
        ("BPE", "ByteLevel", None): "bpe",
        ("WordLevel", "Split", "Isolated"): "characters",
    }
    return known.get(told)


def cuts_as_now(tokenizer: Tokenizer, kind: str) -> bool:
    """Whether a tokenizer, perhaps saved by another version, cuts text just as this version does."""
    now = with_words(kind, [UNKNOWN])
    parts = ((now.normalizer, tokenizer.normalizer), (now.pre_tokenizer, tokenizer.pre_tokenizer))
    return all(described(one) == described(other) for one, other in parts)


def described(component: Any) -> Any:
    """A component as it stands in tokenizer.json, without all the words that stand there as well; None for None."""
    return None if component is None else json.loads(component.__getstate__())
