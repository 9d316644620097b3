"""Part of speech as a feature of words: the tag that a trained tagger gives a word most often in the training texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from lexgrad.errors import InputError
from lexgrad.models.sources import Source
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

PREFIX = "pos:"
AT_ONCE = 2048  # texts that are tagged at a time


@dataclass(frozen=True)
class TaggedBy:
    """``pos:RUN``: the feature that the tagger of a run makes of a word.

    Attributes:
        run: the directory of the tagger.
    """

    run: str

    def learn(self, tokenizer: Tokenizer, source: Source, progress: Progress) -> Callable[[str], str | None]:
        """Tag the training texts, each word in its context; of equally frequent tags the first by name counts.

        Returns:
            a function from a word, as the tokenizer has it, to its tag; None for a word that is not in the texts.

        Raises:
            InputError: the run holds no tagger, or tokens are no words.
        """
        from lexgrad.models import load
        from lexgrad.models.tagging.tagger import Tagger

        if tokenizer.kind not in ("lower", "words", "spaces"):
            raise InputError(f"word_features: pos:{self.run} tags words; tokens={tokenizer.kind} makes no words")
        tagger = load(self.run)
        if not isinstance(tagger, Tagger):
            raise InputError(f"word_features: pos:RUN names a tagger's run; {self.run} holds a {type(tagger).__name__}")
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        cutter = Tokenizer.of_words([], "words") if tokenizer.kind == "lower" else tokenizer
        done = 0
        for chunk in source.chunks(AT_ONCE):
            written = [cutter.tokens(text) for text in chunk]  # with their capitals, which tell the tagger something
            kept = [(words, _as_known(words, tokenizer)) for words in written if words]
            for (_, known), tags in zip(kept, tagger.predict([words for words, _ in kept]), strict=True):
                for word, tag in zip(known, tags, strict=True):
                    counts[word][str(tag)] += 1
            done += len(chunk)
            progress.on_data("tagging", done, source.fraction(done))
        best = {word: min(tags, key=lambda tag: (-tags[tag], tag)) for word, tags in counts.items()}
        return best.get


def _as_known(words: list[str], tokenizer: Tokenizer) -> list[str]:
    """Words as the tokenizer has them."""
    return [word.lower() for word in words] if tokenizer.kind == "lower" else words
