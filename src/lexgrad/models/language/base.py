"""What every language model shares: tokens, perplexity, scores of a text, and generating one."""

# ruff: noqa: RUF009  # `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError, suggest
from lexgrad.models.base import Model
from lexgrad.models.language.lines import Lines, encode_lines, lines_of, watched_lines, with_ends
from lexgrad.models.language.measures import measures
from lexgrad.models.language.sampling import Sampling
from lexgrad.models.settings import setting
from lexgrad.nn.initialisers import generator
from lexgrad.text.joining import joiner
from lexgrad.text.kinds import END, WORD_KINDS
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress

if TYPE_CHECKING:
    from lexgrad.text.corpus import Corpus

Float = NDArray[np.float64]


class Reader(Protocol):
    """A model somewhere in a text: it says what may come, and is told what comes."""

    def logarithms(self) -> Float:
        """Return log P of every token that may come next, (V,): those of the tokenizer, then the end of the line."""
        ...

    def read(self, token: int) -> None:
        """Go on past a token; the end of the line begins a new one."""
        ...


@dataclasses.dataclass(frozen=True)
class Score:
    """What a model makes of one line.

    Attributes:
        text: the line.
        tokens: its tokens, and the end of the line.
        logarithms: float64 (tokens,), the natural logarithm of each one's probability given those before it.
    """

    text: str
    tokens: list[str]
    logarithms: Float

    @property
    def logarithm(self) -> float:
        """The natural logarithm of the line's probability."""
        return float(self.logarithms.sum())


class _Tokenized:
    """Declared outside of the dataclass, where it would be a setting."""

    tokenizer_: Tokenizer


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(_Tokenized, Model):
    """A model of texts, a line at a time: P(line) is the product of P(token | tokens before), its end included.

    Tokens of the vocabulary have ids from 0 on, as in ``tokenizer_``; id 0 is the unknown token, which stands for every
    word that is not in the vocabulary and for ``<unk>`` where a text spells it out. The end of a line is the id after
    the last: V = tokenizer_.size + 1. Blank lines count only for models of characters.

    Attributes after ``fit``:
        tokenizer_: cuts texts into tokens.
        parameters_, history_, report_: as for every model.
    """

    task: ClassVar[str] = "language"

    tokens: str = setting("words", "what a token is", choices=("words", "lower", "spaces", "characters", "bpe"))
    min_count: int = setting(1, "words seen fewer times than this are the unknown word", least=1)
    max_words: int | None = setting(None, "keep at most this many words (or pieces: bpe)", least=2)
    vocabulary: Any = setting(None, "whose words the model knows, however rare: a text or a run; None: the training's")
    seed: int = setting(0, "fixes all that is random", least=0)

    # ---- what a model defines -------------------------------------------------------------------------------

    @abstractmethod
    def reader(self) -> Reader:
        """Return a reader at the start of a line."""

    @abstractmethod
    def line_logarithms(self, lines: Lines, progress: Progress | None = None) -> Float:
        """Return log P of every token of every line and of its end, float64 (tokens + lines,), in order."""

    # ---- what people ask ----------------------------------------------------------------------------------------

    @property
    def end(self) -> int:
        """The id of the end of a line."""
        return int(self.tokenizer_.size)

    def learn_tokenizer(self, corpus: Corpus, progress: Progress | None = None) -> Tokenizer:
        """Learn the tokens of a corpus as the settings say; of another text where ``vocabulary`` is given.

        Raises:
            InputError: there is no token, or all are rarer than ``min_count``; or ``vocabulary`` is not one of these
                tokens.
        """
        if self.vocabulary is not None:
            from lexgrad.models.language.given import given_tokenizer

            return given_tokenizer(self.vocabulary, self.tokens, self.max_words)
        lines = watched_lines(corpus, self.tokens, progress, "reading")
        found = Tokenizer.train(lines, kind=self.tokens, min_count=self.min_count, max_size=self.max_words)
        if found.size == 1:
            raise InputError(
                f"{corpus.source}: with min_count={self.min_count} the model would know no token but <unk>: every other"
                " one is rarer"
            )
        return found

    def evaluate(self, X: Any, y: Any = None, *, progress: Progress | None = None) -> dict[str, Any]:
        """Measure the model on a text: see ``lexgrad.models.language.measures.measures``.

        Args:
            X: a Corpus, a table, or a list of lines.
            y: nothing.
            progress: told how far it has come.

        Raises:
            InputError: no line has a token.
            NotFittedError: before ``fit``.
        """
        from lexgrad.text.corpus import Corpus

        self._require_fitted()
        lines = encode_lines(self.tokenizer_, Corpus.of(X), progress)
        return measures(lines, self.line_logarithms(lines, progress), self._unknown(lines))

    def perplexity(self, X: Any) -> float:
        """Return the perplexity per word of a text, ends of lines included.

        Raises:
            InputError, NotFittedError: as ``evaluate``.
        """
        return float(self.evaluate(X)["perplexity"])

    def scores(self, X: Any, *, progress: Progress | None = None) -> list[Score]:
        """Return log P of every token of every line that is not blank.

        Args:
            X: a Corpus, a table, or a list of lines.
            progress: told how far it has come.

        Raises:
            InputError, NotFittedError: as ``evaluate``.
        """
        from lexgrad.text.corpus import Corpus

        self._require_fitted()
        corpus = Corpus.of(X)
        lines = encode_lines(self.tokenizer_, corpus, progress)
        logarithms = self.line_logarithms(lines, progress)
        vocabulary = [*self.tokenizer_.vocabulary, END]
        scores = []
        for number, text in enumerate(lines_of(corpus, self.tokenizer_.kind)):
            first = int(lines.texts.offsets[number]) + number
            last = int(lines.texts.offsets[number + 1]) + number + 1
            tokens = [vocabulary[token] for token in [*lines.texts[number].tolist(), self.end]]
            scores.append(Score(text, tokens, logarithms[first:last]))
        return scores

    def prompt_tokens(self, prompt: str, *, unknown: bool = False) -> list[int]:
        """Return the ids of a prompt.

        Args:
            prompt: any text; a line end in it is one.
            unknown: whether words that the model does not know are let through as the unknown word.

        Raises:
            InputError: it has a word that the model does not know.
        """
        tokenizer, ids = self.tokenizer_, []
        for number, line in enumerate(prompt.split("\n")):
            ids += [self.end] if number else []
            if not line:
                continue
            found = tokenizer.encode([line]).ids.tolist()
            tokens = tokenizer.tokens(line)
            for token, word in zip(found, tokens, strict=True):
                if token == tokenizer.unknown and word != tokenizer.vocabulary[0] and not unknown:
                    raise InputError(
                        f"the prompt has {word!r}, which is not among the {tokenizer.size - 1:,} tokens that the model"
                        f" knows{suggest(word, tokenizer.vocabulary)}; --unknown lets it through as <unk>"
                    )
            ids += found
        return ids

    def generate(
        self,
        prompt: str = "",
        *,
        tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        attempt: int = 0,
        line: bool = False,
        unknown: bool = False,
        rounded: bool = False,
    ) -> Iterator[str]:
        """Draw a text that goes on from a prompt, token by token.

        The unknown token is never drawn: the distribution is that of the others.

        Args:
            prompt: what comes first; it is not repeated.
            tokens: how many are drawn at most.
            temperature: see ``Sampling``, as for top_k and top_p.
            top_k: see ``Sampling``.
            top_p: see ``Sampling``.
            seed: fixes what is drawn; None: the model's.
            attempt: another one draws another text from the same seed.
            line: whether the end of a line ends the text.
            unknown: whether unknown words of the prompt are let through as the unknown word.
            rounded: whether a neural model's matrices are rounded to bf16 for it, which are read in half the time.

        Yields:
            What each token adds to the text; a line's end is ``"\\n"``.

        Raises:
            InputError: a number out of range, or an unknown word in the prompt.
        """
        self._require_fitted()
        sampling = Sampling(temperature, top_k, top_p)
        ids = self.prompt_tokens(prompt, unknown=unknown)
        seed = self.seed if seed is None else seed
        drawn = self.draw(ids, sampling, f"generate/{attempt}", seed, rounded)
        added = self._joined(ids, itertools.islice(drawn, tokens), line)
        spaced = self.tokenizer_.kind in WORD_KINDS and prompt.endswith((" ", "\t"))
        return without_first_space(added) if spaced else added

    def _joined(self, prompt: list[int], drawn: Iterable[int], line: bool) -> Iterator[str]:
        """What each drawn token adds to the text."""
        join = joiner(self.tokenizer_)
        for token in prompt:
            if token == self.end:
                join = joiner(self.tokenizer_)
            else:
                join(token)
        for token in drawn:
            if token == self.end:
                if line:
                    return
                join = joiner(self.tokenizer_)
                yield "\n"
            else:
                yield join(token)

    def draw(
        self, prompt: Sequence[int], sampling: Sampling, stream: str, seed: int, rounded: bool = False
    ) -> Iterator[int]:
        """Draw tokens that go on from a prompt, without end; the unknown token is never drawn.

        Args:
            prompt: token ids.
            sampling: how tokens are drawn.
            stream: another name draws others from the same seed.
            seed: fixes what is drawn.
            rounded: see ``generate``.
        """
        random, reader = generator(seed, stream), self.reader()
        for token in prompt:
            reader.read(token)
        while True:
            logarithms = reader.logarithms().copy()
            logarithms[self.tokenizer_.unknown] = -np.inf
            token = sampling.draw(logarithms, random)
            yield token
            reader.read(token)

    def _unknown(self, lines: Lines) -> NDArray[np.bool_]:
        ids, _ = with_ends(lines.texts, self.end)
        return np.asarray(ids == self.tokenizer_.unknown)


def without_first_space(pieces: Iterator[str]) -> Iterator[str]:
    """Yield pieces of a text, the first without the space that it begins with: there is one before it already."""
    first = next(pieces, None)
    if first is not None:
        yield first.removeprefix(" ")
        yield from pieces
