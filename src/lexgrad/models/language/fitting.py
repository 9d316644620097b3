"""From a text and settings to a trained network: the middle of a neural language model's ``fit``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type, input_node
from lexgrad.models.features.pretrained import Coverage, vectors_for
from lexgrad.models.fitting import begin, penalty, training_step, watching
from lexgrad.models.language.lines import Lines, encode_lines
from lexgrad.models.language.measures import measures
from lexgrad.models.language.streams import KEY
from lexgrad.models.storage import require_same, settings_to_json
from lexgrad.nn.initialisers import generator
from lexgrad.nn.layers import dropping
from lexgrad.text.corpus import Corpus
from lexgrad.text.kinds import END
from lexgrad.train.loop import train
from lexgrad.train.position import Arrays
from lexgrad.train.progress import Progress
from lexgrad.train.run import TOKENIZER, Run
from lexgrad.train.step import Objective, step_input

if TYPE_CHECKING:
    from lexgrad.models.language.neural import NeuralLM

Float = NDArray[np.float64]


def fit_network(model: NeuralLM, X: Any, *, dev: Any, run: Run | None, progress: Progress) -> None:
    """Train ``model`` in place; see NeuralLM.fit."""
    if dev is None and model.anneal != 1.0:
        raise InputError(
            f"anneal={model.anneal!r} goes by the epochs' perplexity on a dev set, and there is none: give one, or "
            "leave anneal at 1"
        )
    corpus, held_out = Corpus.of(X), None if dev is None else Corpus.of(dev)
    data = {"train": corpus.fingerprint(), "dev": held_out.fingerprint() if held_out else None}
    config = {"model": model.name, "settings": settings_to_json(model), "data": data}
    if run is not None and run.resuming:
        require_same(run, config, model, model.schedule_kind())
    for stale in ("_programs", "_width"):  # those of other words
        model.__dict__.pop(stale, None)
    model.tokenizer_ = model.learn_tokenizer(corpus, progress)
    lines = encode_lines(model.tokenizer_, corpus, progress)
    vectors = _vectors(model, lines, progress)
    if run is not None:
        run.path.mkdir(parents=True, exist_ok=True)
        model.tokenizer_.save(run.path / TOKENIZER)
        covered = {} if vectors is None else {"encoder": {"vectors": asdict(vectors[1])}}
        run.write_config({**config, **covered})
    key = np.asarray(generator(model.seed, "dropout").integers(2**31), np.int64) if model.dropout else None
    examples = model.examples(lines, key)
    measure = None if held_out is None else _measure(model, encode_lines(model.tokenizer_, held_out))
    objective = training_objective(model)
    start = begin(model, run, lambda: _first(model, vectors), objective.trained, model.carried_start())
    began = time.monotonic()
    progress.on_wait("compiling")
    step, plan = training_step(model, objective), model.plan(examples.steps)
    watch = watching(model, objective, model.epochs * examples.steps)
    end = train(step, examples, start, plan, measure=measure, run=run, progress=progress, watch=watch)
    model.keep(end, start, time.monotonic() - began)
    if vectors is not None:
        model.report_["vectors"] = asdict(vectors[1])
    if run is not None:
        run.write_model(model.parameters_)


def training_objective(model: NeuralLM) -> Objective:
    """What a training step makes smaller."""
    parameters = model._parameter_nodes()
    key, step = input_node(KEY, Type("int")), step_input()
    loss, inputs, carried = model.objective(parameters, dropping(model.dropout, key, step))
    trained = tuple(name for name in parameters if name != "E" or model.fine_tune)
    return Objective(
        loss=loss,
        penalty=penalty(model, {name: parameters[name] for name in trained}),
        inputs={**inputs, **({KEY: key} if model.dropout else {})},
        parameters=parameters,
        trained=trained,
        step=step,
        carried=carried,
    )


def _vectors(model: NeuralLM, lines: Lines, progress: Progress) -> tuple[Float, Coverage] | None:
    """Pretrained vectors of the tokens and of the end of a line (V, d), NaN where there is none."""
    if model.vectors is None:
        return None
    found = vectors_for([*model.tokenizer_.vocabulary, END], model.vectors, model.dimensions)
    model._width = found.shape[1]
    coverage = Coverage.of(found, lines.texts.ids, len(found))
    progress.on_note(str(coverage))
    return found, coverage


def _first(model: NeuralLM, vectors: tuple[Float, Coverage] | None) -> dict[str, Float]:
    """The parameters before the first step."""
    first = {name: model.initial(name, shape) for name, shape in model.shapes(model.end + 1).items()}
    if vectors is not None:  # tokens without one are drawn with the variance of the others (Kim 2014)
        found, a = vectors[0], np.sqrt(3.0) * float(np.nanstd(vectors[0]))
        random = generator(model.seed, "E").uniform(-a, a, found.shape)
        first["E"] = np.where(np.isnan(found), random, found)
    return first


def _measure(model: NeuralLM, lines: Lines) -> Callable[[Arrays], Mapping[str, Any]]:
    unknown = model._unknown(lines)

    def measure(parameters: Arrays) -> Mapping[str, Any]:
        model.parameters_ = dict(parameters)
        return measures(lines, model.dev_logarithms(lines), unknown)

    return measure
