"""Mixtures of language models: their probabilities, weighted as a held-out text says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.models.language.base import LanguageModel, Reader
from lexgrad.models.language.lines import Lines, encode_lines
from lexgrad.models.storage import load, settings_to_json
from lexgrad.text.corpus import Corpus
from lexgrad.text.packed import PackedTexts
from lexgrad.text.tokenizer import Tokenizer
from lexgrad.train.progress import Progress
from lexgrad.train.run import PART, TOKENIZER, Run

Float = NDArray[np.float64]
ROUNDS, STEADY = 1000, 1e-7  # of EM: until no weight moves by more


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class MixtureLM(LanguageModel):
    """P(token | before) = Σ_i λ_i P_i(token | before), the weights λ found by EM on held-out text.

    Attributes after ``mixed``:
        models_: the models.
        weights_: float64 (models,), λ.

    References:
        Jelinek and Mercer 1980, Interpolated estimation of Markov source parameters from sparse data.
    """

    name: ClassVar[str] = "mixture-lm"
    made_by: ClassVar[str] = "mix"

    @classmethod
    def mixed(cls, models: Sequence[LanguageModel], dev: Any, *, progress: Progress | None = None) -> Self:
        """Mix fitted models.

        Args:
            models: two or more that know the same tokens.
            dev: a text that none of them was trained on.
            progress: told how far it has come.

        Raises:
            InputError: there are too few models, or their tokens differ.
        """
        if len(models) < 2:
            raise InputError(f"a mixture is of two models or more; got {len(models)}")
        first = models[0]
        mixture = cls(tokens=first.tokenizer_.kind, min_count=first.min_count, max_words=first.max_words)
        mixture._set(models, np.full(len(models), 1 / len(models)))
        lines = encode_lines(mixture.tokenizer_, Corpus.of(dev), progress)
        mixture._set(models, best_weights(np.stack(mixture._parts(lines, progress))))
        mixture.history_, mixture.report_ = [], {}
        return mixture

    def fit(self, X: Any, y: Any = None, **_: Any) -> NoReturn:
        """Refuse: a mixture is made of fitted models.

        Raises:
            InputError: always.
        """
        raise InputError("a mixture is made of trained models: lexgrad mix RUN RUN --dev FILE")

    def _set(self, models: Sequence[LanguageModel], weights: Float) -> None:
        self.models_, self.weights_ = list(models), np.asarray(weights, np.float64)
        self.tokenizer_ = models[0].tokenizer_
        self.parameters_ = {"weights": self.weights_}
        vocabulary = self.tokenizer_.vocabulary
        self._ids = []  # by model: its id of each of ours, the end of a line included
        for model in models:
            theirs = {token: number for number, token in enumerate(model.tokenizer_.vocabulary)}
            differing = theirs.keys() ^ set(vocabulary)
            if model.tokenizer_.kind != self.tokenizer_.kind or differing:
                example = f", such as {min(differing)!r}" if differing else ""
                raise InputError(
                    f"the models of a mixture know the same tokens; {model.name} and {models[0].name} differ in"
                    f" {len(differing):,}{example}: train them with the same tokens and one vocabulary"
                )
            self._ids.append(np.array([*(theirs[token] for token in vocabulary), model.end]))

    def _parts(self, lines: Lines, progress: Progress | None) -> list[Float]:
        """log P of every token by each model."""
        texts = lines.texts
        theirs = [dataclasses.replace(lines, texts=PackedTexts(ids[texts.ids], texts.offsets)) for ids in self._ids]
        return [model.line_logarithms(own, progress) for model, own in zip(self.models_, theirs, strict=True)]

    def line_logarithms(self, lines: Lines, progress: Progress | None = None) -> Float:
        """See LanguageModel.line_logarithms."""
        return mixed_logarithms(self._parts(lines, progress), self.weights_)

    def reader(self) -> Reader:
        """See LanguageModel.reader."""
        self._require_fitted()
        return MixtureReader([model.reader() for model in self.models_], self._ids, self.weights_)

    # ---- files --------------------------------------------------------------------------------------------------

    def write_into(self, run: Run) -> None:
        """See Model.write_into: the parts are directories of their own in it."""
        run.path.mkdir(parents=True, exist_ok=True)
        for number, model in enumerate(self.models_):
            model.save(run.path / f"{PART}{number}", overwrite=True)
        self.tokenizer_.save(run.path / TOKENIZER)
        config = {"model": self.name, "settings": settings_to_json(self), "data": {}, "parts": len(self.models_)}
        run.write_config(config)
        run.write_metrics(self.history_)
        run.write_model(self.parameters_)

    def read_from(self, run: Run, config: Mapping[str, Any]) -> None:
        """See Model.read_from."""
        parts: list[Any] = [load(run.path / f"{PART}{number}") for number in range(int(config["parts"]))]
        weights = run.read_model()["weights"]
        if weights.shape != (len(parts),):
            raise InputError(f"{run.path}: {len(parts)} parts and weights of shape {weights.shape} do not go together")
        self._set(parts, weights)
        self.tokenizer_ = Tokenizer.load(run.path / TOKENIZER)
        self.history_ = run.read_metrics()


class MixtureReader:
    """See Reader."""

    def __init__(self, readers: Sequence[Reader], ids: Sequence[NDArray[Any]], weights: Float) -> None:
        self._readers, self._ids, self._weights = readers, ids, weights

    def logarithms(self) -> Float:
        """See Reader.logarithms."""
        found = [reader.logarithms()[ids] for reader, ids in zip(self._readers, self._ids, strict=True)]
        return mixed_logarithms(found, self._weights)

    def read(self, token: int) -> None:
        """See Reader.read."""
        for reader, ids in zip(self._readers, self._ids, strict=True):
            reader.read(int(ids[token]))


def mixed_logarithms(parts: Sequence[Float], weights: Float) -> Float:
    """Return log Σ_i λ_i P_i of tokens, of the log P_i (tokens,) of each model and the weights λ (models,)."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp.reduce([part + np.log(w) for part, w in zip(parts, weights, strict=True)]))


def best_weights(logarithms: Float) -> Float:
    """Return the weights λ (models,) that make a text most probable, by EM.

    λ_i ← the mean over tokens of λ_i P_i / Σ_j λ_j P_j; no round makes the text less probable.

    Args:
        logarithms: log P of each token by each model (models, tokens).
    """
    weights = np.full(len(logarithms), 1 / len(logarithms))
    relative = np.exp(logarithms - logarithms.max(axis=0))
    for _ in range(ROUNDS):
        shares = weights[:, None] * relative
        new = (shares / shares.sum(axis=0)).mean(axis=1)
        if np.abs(new - weights).max() < STEADY:
            return np.asarray(new)
        weights = new
    return weights
