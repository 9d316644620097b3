"""A corpus as word ids on disk: one pass over the texts, then vectorised ones over the ids."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lexgrad.errors import InputError
from lexgrad.text.corpus import Corpus
from lexgrad.text.numbered import NumberedTexts, changed
from lexgrad.text.numbering import Numbering
from lexgrad.text.packed import Int64, PackedTexts, offsets_of, trim
from lexgrad.text.phrases import join_phrases

IN_MEMORY = 1 << 19  # bytes of ids beyond which they lie in a temporary file
MOST_WORDS = 1 << 24  # distinct words that are kept while counting

Tell = Callable[[int, float], None]


@dataclass(frozen=True, eq=False)
class IndexedCorpus:
    """A corpus as ids, words below the minimum count left out.

    Attributes:
        vocabulary: the words by id: by falling count, and then by code point.
        counts: how often each occurs, int64 (V,).
        texts: ids int32 (tokens,), memory-mapped where there are many; no text is empty.
        read: words in the corpus, rare ones included (a phrase that was joined is one).
        distinct: how many different words they were.
    """

    vocabulary: list[str]
    counts: Int64
    texts: PackedTexts
    read: int
    distinct: int


def index(
    corpus: Corpus,
    *,
    min_count: int = 5,
    tokens: str = "lower",
    pattern: str | None = None,
    phrases: int = 0,
    phrase_threshold: float = 100.0,
    tell: Tell | None = None,
    in_memory: int = IN_MEMORY,
    most_words: int = MOST_WORDS,
) -> IndexedCorpus:
    """Read a corpus once, learn its words and number them.

    Memory holds the distinct words; ids beyond ``in_memory`` bytes lie in a temporary file. When there are more than
    ``most_words`` distinct words, the rarest so far are forgotten (as in word2vec's own program), so that a rare
    word's count may come out too low.

    Args:
        corpus: the texts, or lists of words, which are taken as they are.
        min_count: rarer words are left out, as if they had not been written.
        tokens: how texts are cut: "lower", "words" or "spaces" (see ``open_words.open_encoder``).
        pattern: a regular expression of words instead, such as ``[a-z]+('[a-z]+)?|[0-9]+``.
        phrases: passes that join pairs of words to phrases (see ``phrases.join_phrases``).
        phrase_threshold: the score above which a pair is a phrase in the first pass; each further pass halves it.
        tell: called now and then with the words read so far, and the share of the corpus in [0, 1].
        in_memory: bytes.
        most_words: see above.

    Raises:
        InputError: the corpus has no words, none occurs ``min_count`` times, a file can not be read, or the folder of
            temporary files is full.
    """
    try:
        found = _numbered(corpus, tokens, pattern, tell, in_memory, most_words)
        for number in range(phrases):
            found = join_phrases(found, min_count, phrase_threshold / 2**number, in_memory)
        indexed = _by_frequency(found, corpus.source, min_count, in_memory)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        folder = tempfile.gettempdir()
        raise InputError(
            f"{folder}: no room for the corpus's word ids (8 bytes a word); name a folder with more in TMPDIR"
        ) from error
    del found  # the rare words with it: what is kept moves to memory of its own, so that all of theirs is given back
    indexed = replace(indexed, vocabulary=_moved(indexed.vocabulary))
    trim()
    return indexed


def _moved(words: list[str]) -> list[str]:
    """Equal words, one behind the other in memory; empties the list."""
    letters, ends = "".join(words), offsets_of(np.fromiter(map(len, words), np.int64, len(words)))
    words.clear()
    trim()
    return [letters[begin:end] for begin, end in pairwise(map(int, ends))]


def _numbered(
    corpus: Corpus, kind: str, pattern: str | None, tell: Tell | None, in_memory: int, most_words: int
) -> NumberedTexts:
    bytes_ = max(corpus.total_bytes, 1)
    how = None if corpus.cut else kind
    with Numbering(how, pattern, limit_bytes=in_memory, most_words=most_words) as numbering:
        for texts, goes_on in corpus.pieces():
            numbering.add(texts, goes_on)
            if tell is not None:
                tell(numbering.tokens, min(corpus.position / bytes_, 1.0))
        return numbering.finish()


def _by_frequency(found: NumberedTexts, source: str, min_count: int, in_memory: int) -> IndexedCorpus:
    counts, words = found.counts, found.words
    if not len(found.texts.ids):
        raise InputError(f"{source}: has no words; expected texts to learn from")
    often = np.flatnonzero(counts >= min_count)
    if not len(often):
        top = int(counts.argmax())
        times = "once" if counts[top] == 1 else f"{counts[top]} times"
        raise InputError(
            f"{source}: no word occurs {min_count} times or more (the commonest, {words[top]!r}, occurs {times}); "
            "lower min_count or give it more text"
        )
    by_word = np.array(sorted(often.tolist(), key=words.__getitem__))
    order = by_word[np.argsort(-counts[by_word], kind="stable")]
    place = np.full(len(words), -1, np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    texts = changed(found.texts, lambda ids, _: place[ids], in_memory)
    distinct = int(np.count_nonzero(counts))
    return IndexedCorpus([words[i] for i in order.tolist()], counts[order], texts, len(found.texts.ids), distinct)
