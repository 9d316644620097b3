"""From examples and settings to a trained model: the middle of ``fit``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.errors import InputError
from lexgrad.graph import Type, input_node
from lexgrad.models import storage
from lexgrad.models.classifiers import storing
from lexgrad.models.classifiers.decision import DEV, Decision, check_decides, given_threshold, learn_decision
from lexgrad.models.classifiers.devset import DevSet
from lexgrad.models.classifiers.targets import Codes, class_indices, class_weights, learn_classes
from lexgrad.models.features.encoder import Encoder, learn_encoder, slices
from lexgrad.models.features.inputs import BATCH, Inputs
from lexgrad.models.features.words import WordEncoder
from lexgrad.models.fitting import begin, penalty, training_step, watching
from lexgrad.models.sources import Source, check_lengths, hash_texts, labels_of, open_source
from lexgrad.nn.initialisers import generator
from lexgrad.nn.layers import dropping
from lexgrad.nn.losses import classification_loss
from lexgrad.train.batches import Batches, Shuffled, cut_rows
from lexgrad.train.loop import train
from lexgrad.train.position import Position
from lexgrad.train.progress import Progress
from lexgrad.train.run import Run
from lexgrad.train.step import Objective, step_input

if TYPE_CHECKING:
    from lexgrad.models.classifiers.base import TextClassifier

Array = NDArray[Any]
Arrays = Mapping[str, Array]
LABELS, WEIGHTS, KEY = "labels", "weights", "key"


@dataclass(frozen=True)
class LabelledExamples:
    """Training examples with labels, weights and dropout's key: what batches are picked from."""

    inputs: Inputs
    labels: Codes
    weights: Array | None
    key: Array | None

    def __len__(self) -> int:
        return len(self.labels)

    def pick(self, indices: NDArray[np.int64], cuts: NDArray[np.int64]) -> Batches:
        """See lexgrad.train.batches.Collection."""
        inputs, tokens = self.inputs.pick(indices, cuts)
        labels = self.labels[indices]
        inputs[LABELS] = cut_rows(labels, cuts)
        if self.weights is not None:
            inputs[WEIGHTS] = cut_rows(self.weights[labels], cuts)
        if self.key is not None:
            inputs[KEY] = self.key
        return Batches(inputs, np.diff(cuts), tokens)


def fit_model(model: TextClassifier, X: Any, y: Any, *, dev: Any, run: Run | None, progress: Progress) -> None:
    """Train ``model`` in place; see TextClassifier.fit."""
    source = open_source(X, model, learn=True)
    name = type(model).__name__
    labels = labels_of(source, y)
    check_lengths(source, labels)
    classes, codes = learn_classes(labels, name, source.name)
    model.check_classes(classes)
    weights = class_weights(model.class_weight, classes, codes)
    measured = _dev_source(model, dev)
    check_decides(model, classes, dev=measured is not None)
    # Before the texts are read, which may take minutes.
    held = None if measured is None else class_indices(labels_of(*measured), classes, measured[0].name)
    if run is not None:
        model.require_storable()
        config = storing.run_config(model, classes, {"train": _fingerprint(source, codes), "dev": _dev_print(measured)})
        if run.resuming:
            storage.require_same(run, config, model, model.schedule_kind())
    encoder, inputs = learn_encoder(model, source, progress)
    if len(inputs) != len(codes):
        raise InputError(f"{source.name} has {len(inputs)} texts but {len(codes)} labels")
    if run is not None:
        storing.write_start(run, encoder, config)
    collection = LabelledExamples(inputs, codes, weights, _dropout_key(model))
    examples = Shuffled(collection, model.batch, model.seed)
    dev_set = None if measured is None or held is None else DevSet(model, encoder, classes, measured[0], held)
    objective = training_objective(model, encoder, len(classes), weighted=weights is not None)
    start = begin(model, run, lambda: _first(model, encoder, len(classes)), objective.trained)
    plan = model.plan(examples.steps)
    progress.on_wait("compiling")
    step = training_step(model, objective, model.constrained)
    began = time.monotonic()
    watch = watching(model, objective, model.epochs * examples.steps)
    measure = None if dev_set is None else dev_set.measure
    before, first = replace(start, parameters={}, state={}, averaged=None, best=None), [start]
    del start  # nobody but the loop holds on to the first embeddings, which may be large
    end = train(step, examples, first.pop(), plan, measure=measure, run=run, progress=progress, watch=watch)
    _keep(model, end, encoder, classes, time.monotonic() - began, before)
    _decide(model, dev_set, progress)
    model.learned_ = model.look_through(inputs, codes)
    if run is not None:
        storing.write_finished(run, model)


def training_objective(model: TextClassifier, encoder: Encoder, classes: int, *, weighted: bool = False) -> Objective:
    """Build what a step of a model makes smaller: the loss of a batch and the penalty."""
    parameters = {
        name: input_node(name, Type("float", shape)) for name, shape in model.shapes(encoder, classes).items()
    }
    features = {name: input_node(name, type) for name, type in encoder.input_types().items()}
    labels = input_node(LABELS, Type("int", (BATCH,)))
    weights = input_node(WEIGHTS, Type("float", (BATCH,))) if weighted else None
    step, key = step_input(), input_node(KEY, Type("int"))
    logits = model.logits(parameters, features, dropping(model.dropout_rate(), key, step))
    inputs = {**features, LABELS: labels}
    inputs |= {WEIGHTS: weights} if weights is not None else {}
    inputs |= {KEY: key} if model.draws() else {}
    trained = tuple(name for name in parameters if name not in model.frozen())
    learned = {name: parameters[name] for name in trained}
    return Objective(
        loss=classification_loss(logits, labels, weights, model.label_smoothing),
        penalty=penalty(model, learned),
        inputs=inputs,
        parameters=parameters,
        trained=trained,
        step=step,
    )


def _dropout_key(model: TextClassifier) -> Array | None:
    if not model.draws():
        return None
    return np.asarray(generator(model.seed, "dropout").integers(2**31), dtype=np.int64)


def _fingerprint(source: Source, codes: Codes) -> str:
    return hash_texts([source.fingerprint(), hash_texts(codes.tolist())])


def _dev_source(model: TextClassifier, dev: Any) -> tuple[Source, Any] | None:
    if dev is None:
        return None
    X, y = dev if isinstance(dev, tuple | list) and len(dev) == 2 else (dev, None)
    source = open_source(X, model)
    if source.length == 0:
        raise InputError("the dev set is empty (0 texts)")
    if y is None and source.labels is None:
        raise InputError("dev is (texts, labels), or a table that brings its labels")
    return source, y


def _dev_print(dev: tuple[Source, Any] | None) -> str | None:
    if dev is None:
        return None
    source, y = dev
    return source.fingerprint() if y is None else hash_texts([source.fingerprint(), hash_texts(y)])


def _first(model: TextClassifier, encoder: Encoder, classes: int) -> dict[str, Array]:
    """The parameters before the first step."""
    return {name: model.initial(name, shape, encoder) for name, shape in model.shapes(encoder, classes).items()}


def _keep(
    model: TextClassifier, end: Position, encoder: Encoder, classes: Array, seconds: float, start: Position
) -> None:
    """Set the fitted attributes."""
    model.keep(end, start, seconds)
    model.classes_ = classes
    model.encoder_ = encoder
    model.n_iter_ = end.epoch
    if isinstance(encoder, WordEncoder) and encoder.coverage is not None:
        model.report_["vectors"] = asdict(encoder.coverage)


def _decide(model: TextClassifier, dev: DevSet | None, progress: Progress) -> None:
    """Find the temperature and the threshold that the settings ask for, now that the parameters are known."""
    if dev is None:
        model.decision_ = Decision(threshold=given_threshold(model))
        return
    model.decision_ = learn_decision(model, dev.logits(model.parameters_), dev.labels)
    if model.calibrate or model.threshold == DEV:
        model.report_ |= {name: value for name, value in asdict(model.decision_).items() if value is not None}
        progress.on_note(f"found on the dev set: {model.decision_}")


__all__ = ["LabelledExamples", "fit_model", "slices"]
