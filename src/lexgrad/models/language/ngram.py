"""n-gram language models: interpolated modified Kneser–Ney."""

# `setting` declares a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.language.base import LanguageModel
from lexgrad.models.language.counting import NOWHERE, Level, walk
from lexgrad.models.language.kneser_ney import Estimate, estimate
from lexgrad.models.language.lines import Lines, encode_lines, telling, with_ends
from lexgrad.models.settings import setting
from lexgrad.models.storage import require_same, settings_to_json
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.run import TOKENIZER, Run

if TYPE_CHECKING:
    from lexgrad.text.corpus import Corpus
    from lexgrad.train.progress import Progress

Float = NDArray[np.float64]
HIGHEST = 6


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class NGramLM(LanguageModel):
    """An n-gram model: interpolated modified Kneser–Ney, with the discounts that the counts of counts give.

    The unknown word and words that were never seen share what the lowest order's interpolation with 1 / V leaves.

    Attributes after ``fit``:
        estimate_: the n-grams of every order, their probabilities and back-off weights.
        parameters_: the same as arrays by name: ``log_probability_n``, ``log_backoff_n``, ``ngrams_n``.

    References:
        Chen and Goodman 1999, An empirical study of smoothing techniques for language modeling. Heafield et al. 2013,
        Scalable modified Kneser-Ney language model estimation.
    """

    name: ClassVar[str] = "ngram-lm"

    order: int = setting(5, f"n: words that count, the predicted one included; at most {HIGHEST}", least=1)

    def check(self) -> None:
        """See Model.check."""
        if self.order > HIGHEST:
            raise InputError(f"setting 'order' of NGramLM is at most {HIGHEST}; got {self.order}")

    def fit(
        self, X: Any, y: Any = None, *, dev: Any = None, run: Run | None = None, progress: Progress | None = None
    ) -> Self:
        """Count and estimate.

        Args:
            X: a Corpus, a table, or a list of lines.
            y: nothing.
            dev: a text whose perplexity is recorded; nothing is tuned on it.
            run: a run directory to write the model to. Counting takes seconds and is not resumed in its middle.
            progress: told of the reading.

        Raises:
            InputError: unusable text or settings, or a run directory that belongs to another training.
        """
        from lexgrad.text.corpus import Corpus

        self._check_settings()
        corpus = Corpus.of(X)
        held_out = None if dev is None else Corpus.of(dev)
        if run is not None:
            config = self._config(corpus, held_out)
            if run.resuming:
                require_same(run, config, self, "constant")
        began = time.monotonic()
        self.tokenizer_ = self.learn_tokenizer(corpus, progress)
        lines = encode_lines(self.tokenizer_, corpus, progress)
        ids, starts = with_ends(lines.texts, self.end, self.end + 1)
        if progress is not None:
            progress.on_wait("counting")
        self._set(estimate(ids, starts, self.end + 2, self.order))
        seconds = time.monotonic() - began
        row: dict[str, Any] = {"epoch": 1, "seconds": round(seconds, 6), "tokens": len(ids) - len(lines)}
        if held_out is not None:
            measured = self.evaluate(held_out, progress=progress)
            row |= {f"dev_{name}": measured[name] for name in ("perplexity", "loss")} | {"best": True}
        self.history_ = [row]
        self.report_ = {
            "epochs": 1,
            "parameters": sum(len(array) for name, array in self.parameters_.items() if name.startswith("log_")),
            "train_seconds": round(seconds, 4),
            "examples_per_second": round(len(lines) / seconds, 1) if seconds else 0.0,
            "tokens_per_second": round(row["tokens"] / seconds, 1) if seconds else 0.0,
        }
        if run is not None:
            self._write(run, config)
        return self

    def line_logarithms(self, lines: Lines, progress: Progress | None = None) -> Float:
        """See LanguageModel.line_logarithms."""
        model, tell = self.estimate_, telling(progress, lines)
        ids, starts = with_ends(lines.texts, self.end, self.end + 1)
        found = model.probabilities[0][ids]
        for number, (before, ending) in enumerate(walk(model.levels, ids, starts)):
            cost = np.where(before >= 0, model.backoffs[number][before], 0.0)
            found = np.where(ending >= 0, model.probabilities[number + 1][ending], found + cost)
            tell((number + 1) / len(model.levels))
        return np.asarray(found[~starts])

    def reader(self) -> NgramReader:
        """See LanguageModel.reader."""
        self._require_fitted()
        return NgramReader(self.estimate_, self.end)

    # ---- files --------------------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into."""
        run.path.mkdir(parents=True, exist_ok=True)
        self._write(run, self._config(None, None))

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        arrays = run.read_model()
        self.tokenizer_ = Tokenizer.load(run.path / TOKENIZER)
        orders = range(1, 1 + sum(name.startswith("log_probability_") for name in arrays))
        levels = [Level(arrays[f"ngrams_{n}"], self.end + 2) for n in orders if n > 1]
        found = Estimate(
            levels, [arrays[f"log_probability_{n}"] for n in orders], [arrays[f"log_backoff_{n}"] for n in orders]
        )
        if not found.probabilities or len(found.probabilities[0]) != self.end + 2:
            raise InputError(f"{run.path}: the files do not belong together: other words than the model's")
        self._set(found)
        self.history_ = run.read_metrics()

    @classmethod
    def from_arpa(cls, path: str | Path) -> Self:
        """Read an ARPA file (plain or ``.gz``), whoever wrote it; words are what stands between spaces.

        Raises:
            InputError: it is missing or is no ARPA file; line and reason are named.
        """
        from lexgrad.models.language.arpa import read_arpa

        vocabulary, found = read_arpa(Path(path))
        model = cls(order=found.order, tokens="spaces")
        model.tokenizer_ = Tokenizer.of_words(vocabulary, "spaces")
        model._set(found)
        model.history_, model.report_ = [], {}
        return model

    def to_arpa(self, path: str | Path) -> None:
        """Write the model as an ARPA file (``.gz``: compressed), whole or not at all.

        Raises:
            NotFittedError: before ``fit``.
        """
        from lexgrad.models.language.arpa import write_arpa

        self._require_fitted()
        write_arpa(Path(path), self.tokenizer_.vocabulary, self.estimate_)

    def _set(self, found: Estimate) -> None:
        self.estimate_ = found
        self.parameters_ = {
            **{f"log_probability_{n}": array for n, array in enumerate(found.probabilities, 1)},
            **{f"log_backoff_{n}": array for n, array in enumerate(found.backoffs, 1)},
            **{f"ngrams_{n}": level.keys for n, level in enumerate(found.levels, 2)},
        }

    def _config(self, corpus: Corpus | None, dev: Corpus | None) -> dict[str, Any]:
        data = {"train": corpus.fingerprint(), "dev": dev.fingerprint() if dev else None} if corpus else {}
        return {"model": self.name, "settings": settings_to_json(self), "data": data}

    def _write(self, run: Run, config: Mapping[str, Any]) -> None:
        self.tokenizer_.save(run.path / TOKENIZER)
        run.write_config(config)
        run.write_metrics(self.history_)
        run.write_model(self.parameters_)


class NgramReader:
    """See Reader."""

    def __init__(self, model: Estimate, end: int) -> None:
        self._model, self._end = model, end
        self._begin()

    def _begin(self) -> None:
        self._ending = [self._end + 1, *(NOWHERE for _ in self._model.levels)]

    def logarithms(self) -> Float:
        """See Reader.logarithms."""
        model = self._model
        found = model.probabilities[0].copy()
        for number, level in enumerate(model.levels):
            context = self._ending[number]
            if context < 0:
                break
            first, last = level.following(context)
            found += model.backoffs[number][context]
            found[level.last_words(first, last)] = model.probabilities[number + 1][first:last]
        return found[:-1]  # all but the start of a line

    def read(self, token: int) -> None:
        """See Reader.read."""
        if token == self._end:
            self._begin()
            return
        one = np.array([token])
        ending = [token]
        for level, before in zip(self._model.levels, self._ending, strict=False):
            ending.append(int(level.find(np.array([before]), one)[0]))
        self._ending = ending
