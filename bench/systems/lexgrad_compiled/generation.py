"""Text drawn from language models, through the models' own method."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable

from bench.systems import Run, Setup
from bench.systems.lexgrad_compiled.stepping import Timed
from bench.workloads import Data
from bench.workloads.generation import GREEDY, text_loss
from lexgrad.models.language.recurrent import LSTMLM, RNNLM, RecurrentLM
from lexgrad.models.language.sampling import Sampling
from lexgrad.text.tokenizer import Tokenizer


def _prepare(model_class: type[RecurrentLM], data: Data, setup: Setup) -> Run:
    words, units = data["E"].shape
    model = model_class(layers=data["layers"], units=units, dimensions=units, threads=setup.threads)
    model.tokenizer_ = Tokenizer.of_words(map(str, range(words - 2)))  # and the unknown word, and the end of a line
    model.parameters_ = {name: data[name] for name in model.shapes(words)}
    rounded = setup.precision == "bf16"
    begun = time.perf_counter()
    model.applier("draw", rounded)
    seconds = time.perf_counter() - begun
    seeds = itertools.count()

    def drawn(count: int, temperature: float) -> list[int]:
        tokens = model.draw([], Sampling(temperature), "text", next(seeds), rounded)
        return list(itertools.islice(tokens, count))

    def run(steps: int) -> Callable[[], float]:
        drawn(steps, 1.0)
        return lambda: text_loss(data, drawn(GREEDY, 0.0))

    return Timed(run, seconds)


_LSTM = functools.partial(_prepare, LSTMLM)
PREPARE = {"elman-text": functools.partial(_prepare, RNNLM), "lstm-text": _LSTM, "lstm-text-650": _LSTM}
