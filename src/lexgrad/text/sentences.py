"""What a table of tagged sentences is: words and their tags, gone through any number of times; and one in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lexgrad.errors import InputError
from lexgrad.text.restartable import InMemory, Restartable


class Sentence(NamedTuple):
    """One sentence.

    ``tags`` has a tag for each of ``words``, or is None where only words are read; ``number`` is the line, counted
    from 1, on which the sentence's first word stands.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    number: int


class TaggedTable(Restartable[Sentence]):
    """Sentences of words, and of tags where there are any.

    Attributes:
        has_tags: whether sentences carry tags; else every ``Sentence.tags`` is None.
    """

    has_tags: bool

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.source!r}, {'with' if self.has_tags else 'without'} tags>"


class MemorySentences(InMemory[Sentence], TaggedTable):
    """Sentences that lie in memory; ``tags`` is None, or has as many tags for each sentence as that has words.

    Raises:
        InputError: no words (str) where they should be, or another number of tags than of words.
    """

    def __init__(
        self, words: Iterable[Sequence[str]], tags: Iterable[Sequence[str]] | None = None, source: str = "X"
    ) -> None:
        sentences = [checked_words(sentence, i, source) for i, sentence in enumerate(words)]
        given = None if tags is None else [tuple(map(str, each)) for each in tags]
        if given is not None and len(given) != len(sentences):
            raise InputError(f"{source} has {len(sentences)} sentences, but there are tags for {len(given)}")
        for i, (sentence, own) in enumerate(zip(sentences, given or (), strict=False)):
            if len(sentence) != len(own):
                raise InputError(
                    f"sentence {i} of {source} (from 0) has {len(sentence)} words, but {len(own)} tags:"
                    " give one tag a word"
                )
        self.has_tags = given is not None
        read = [Sentence(sentence, None if given is None else given[i], i + 1) for i, sentence in enumerate(sentences)]
        super().__init__(source, read)

    def fingerprint(self) -> str:
        """Return a hash of words and tags."""
        digest = hashlib.sha256()
        for sentence in self._items:
            for text in (*sentence.words, *(("\n", *sentence.tags) if sentence.tags is not None else ()), "\n\n"):
                data = text.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "little") + data)
        return f"sha256:{digest.hexdigest()}"


def checked_words(sentence: Sequence[str], number: int, source: str) -> tuple[str, ...]:
    """Return the words of a sentence.

    Args:
        sentence: its words.
        number: which one it is, from 0.
        source: what errors call the sentences.

    Raises:
        InputError: it is a text, or a word is none.
    """
    if isinstance(sentence, str | bytes) or not hasattr(sentence, "__len__"):
        raise InputError(
            f"a sentence is a list of words; sentence {number} of {source} (from 0) is a {type(sentence).__name__}:"
            " cut it into words, text.split()"
        )
    if set(map(type, sentence)) <= {str}:
        return tuple(sentence)
    for place, word in enumerate(sentence):
        if not isinstance(word, str):
            raise InputError(
                f"words are str; word {place} of sentence {number} of {source} (from 0) is"
                f" {word!r:.40} ({type(word).__name__})"
            )
    return tuple(map(str, sentence))
