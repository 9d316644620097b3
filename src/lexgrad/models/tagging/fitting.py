"""From tagged sentences and settings to a trained tagger: the middle of ``fit``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad import ops
from lexgrad.errors import InputError
from lexgrad.graph import Type, input_node
from lexgrad.models import storage
from lexgrad.models.features.pretrained import MOST_OTHERS, Coverage, open_pretrained
from lexgrad.models.fitting import begin, penalty, training_step, watching
from lexgrad.models.tagging import network, storing
from lexgrad.models.tagging.encoder import WordEncoder
from lexgrad.models.tagging.examples import KEY, LABELS, RATES, Sentences, TaggedSentences
from lexgrad.models.tagging.metrics import tagging_metrics
from lexgrad.models.tagging.prediction import Predictor
from lexgrad.models.tagging.sentences import Words, table_of, tags_of
from lexgrad.nn.initialisers import generator
from lexgrad.nn.layers import dropping
from lexgrad.nn.losses import classification_loss
from lexgrad.train.bucketed import Bucketed
from lexgrad.train.engine import DTYPES
from lexgrad.train.loop import train
from lexgrad.train.position import Position
from lexgrad.train.progress import Progress
from lexgrad.train.run import Run
from lexgrad.train.step import Objective, step_input

if TYPE_CHECKING:
    from lexgrad.models.tagging.tagger import Tagger
    from lexgrad.text.sentences import TaggedTable

Array = NDArray[Any]
Arrays = Mapping[str, Array]
Vectors = NDArray[np.float64]
READ = 1000  # sentences between two words about reading
VECTORS_STD = 0.3  # deviation that pretrained vectors are brought to, whatever file they come from


@dataclass(frozen=True)
class Data:
    """Sentences that were read.

    Attributes:
        words: of each sentence.
        tags: of each sentence.
        fingerprint: a hash of them.
    """

    words: list[Words]
    tags: list[Words]
    fingerprint: str

    @classmethod
    def read(cls, table: TaggedTable, progress: Progress) -> Data:
        """Read a table whole, but for sentences without words."""
        words: list[Words] = []
        tags: list[Words] = []
        for sentence in table:
            if not sentence.words:
                continue
            words.append(sentence.words)
            tags.append(sentence.tags or ())
            if len(words) % READ == 0:
                progress.on_data(
                    "reading", len(words), min(table.position / max(table.total_bytes, 1), 1.0), "sentences"
                )
        progress.on_data("reading", len(words), 1.0, "sentences")
        if not any(words):
            raise InputError(f"{table.source} has no words: there is nothing to learn from")
        return cls(words, tags, table.fingerprint())


def fit_tagger(model: Tagger, X: Any, y: Any, *, dev: Any, run: Run | None, progress: Progress) -> None:
    """Train ``model`` in place; see Tagger.fit."""
    data = Data.read(table_of(X, y), progress)
    held = None if dev is None else Data.read(table_of(*(dev if isinstance(dev, tuple) else (dev, None))), progress)
    classes = np.array(sorted({tag for sentence in data.tags for tag in sentence}))
    if len(classes) < 2:
        raise InputError(f"{type(model).__name__} needs words of at least two tags; there is only {classes[0]}")
    config = storing.run_config(
        model, classes, {"train": data.fingerprint, "dev": held.fingerprint if held is not None else None}
    )
    if run is not None and run.resuming:
        storage.require_same(run, config, model, model.schedule_kind())
    encoder, vectors, coverage = _learn(model, data.words)
    if coverage is not None:
        progress.on_note(str(coverage))
    if run is not None:
        covered = {} if coverage is None else {"encoder": {"vectors": asdict(coverage)}}
        storing.write_start(run, encoder, {**config, **covered})
    shapes = network.shapes(model, encoder, 0 if vectors is None else vectors.shape[1], len(classes))
    examples = _examples(model, encoder, data, classes)
    measure = _measure(model, encoder, shapes, held, classes)
    objective = training_objective(model, encoder, shapes)
    start = begin(model, run, lambda: _first(model, shapes, vectors), objective.trained)
    plan = model.plan(examples.steps)
    progress.on_wait("compiling")
    step = training_step(model, objective)
    watch = watching(model, objective, model.epochs * examples.steps)
    began = time.monotonic()
    end = train(step, examples, start, plan, measure=measure, run=run, progress=progress, watch=watch)
    _keep(model, end, encoder, classes, time.monotonic() - began, start)
    if coverage is not None:
        model.report_["vectors"] = asdict(coverage)
    if run is not None:
        storing.write_finished(run, model)


def _learn(model: Tagger, words: Sequence[Words]) -> tuple[WordEncoder, Vectors | None, Coverage | None]:
    """Learn what words are made of; read the pretrained vectors where the settings name some."""
    known: list[str] = []
    vectors: Vectors | None = None
    if model.vectors is not None:
        distinct = list(dict.fromkeys(word for sentence in words for word in sentence))
        _, known, matrix = open_pretrained(model.vectors, distinct, None, MOST_OTHERS)
        vectors = np.asarray(matrix * (VECTORS_STD / max(float(matrix.std()), 1e-12)), np.float64)
    encoder = WordEncoder.learn(
        words, longest=model.affixes, shapes=model.shapes, min_count=model.min_count, pretrained=known
    )
    return encoder, vectors, None if vectors is None else _coverage(encoder, words)


def _coverage(encoder: WordEncoder, words: Sequence[Words]) -> Coverage:
    """How much of the training sentences has a pretrained vector."""
    distinct = list(dict.fromkeys(word for sentence in words for word in sentence))
    rows = encoder.encode([distinct]).pretrained
    has = dict(zip(distinct, (rows >= 0).tolist(), strict=True))
    tokens = [has[word] for sentence in words for word in sentence]
    others = len(encoder.pretrained.entries) - len(np.unique(rows[rows >= 0]))
    return Coverage(sum(has.values()), len(distinct), float(np.mean(tokens)), others)


def _examples(model: Tagger, encoder: WordEncoder, data: Data, classes: Array) -> Bucketed:
    sentences = Sentences(encoder.encode(data.words), tuple(network.input_types(model, encoder)))
    labels, _ = tags_of(data.tags, classes)
    counts = encoder.counts[sentences.encoded.words]
    rates = np.where(counts > 0, model.word_dropout / (model.word_dropout + np.maximum(counts, 1)), 0.0)
    key = np.asarray(generator(model.seed, "dropout").integers(2**31), dtype=np.int64)
    learnt = TaggedSentences(sentences, labels, rates.astype(DTYPES[model.precision]), key)
    return Bucketed(learnt, sentences.lengths, model.batch, model.seed)


def training_objective(model: Tagger, encoder: WordEncoder, shapes: network.Shapes) -> Objective:
    """Build what a step of a tagger makes smaller: the mean loss of a batch's words, and the penalty."""
    parameters = {name: input_node(name, Type("float", shape)) for name, shape in shapes.items()}
    inputs = {name: input_node(name, type) for name, type in network.input_types(model, encoder).items()}
    labels = input_node(LABELS, Type("int", (network.TOKENS,)))
    rates, key, step = input_node(RATES, Type("float", (network.TOKENS,))), input_node(KEY, Type("int")), step_input()
    # the first stream is for words
    dropped = ops.random_uniform(key, step, (network.TOKENS,)) < rates
    seen = {**inputs, "words": ops.where(dropped, 0, inputs["words"])}
    logits = network.logits(model, parameters, seen, dropping(model.dropout, key, step, first=1))
    trained = tuple(name for name in parameters if name not in model.frozen())
    learned = {name: parameters[name] for name in trained}
    return Objective(
        loss=classification_loss(logits, labels),
        penalty=penalty(model, learned),
        inputs={**inputs, LABELS: labels, RATES: rates, KEY: key},
        parameters=parameters,
        trained=trained,
        step=step,
    )


def _measure(
    model: Tagger, encoder: WordEncoder, shapes: network.Shapes, held: Data | None, classes: Array
) -> Callable[[Arrays], Mapping[str, Any]] | None:
    """Encode the dev set once; return what measures given parameters on it."""
    if held is None:
        return None
    words, encoded = held.words, encoder.encode(held.words)
    codes, names = tags_of(held.tags, classes)
    predictor = Predictor(model, encoder, shapes, steady=False)

    def measure(parameters: Arrays) -> Mapping[str, Any]:
        return tagging_metrics(codes, predictor(parameters, words), names, encoded.words == 0, encoded.offsets)

    return measure


def _first(model: Tagger, shapes: network.Shapes, vectors: Vectors | None) -> dict[str, Array]:
    """The parameters before the first step."""
    return {name: model.initial(name, shape, vectors) for name, shape in shapes.items()}


def _keep(model: Tagger, end: Position, encoder: WordEncoder, classes: Array, seconds: float, start: Position) -> None:
    """Set the fitted attributes."""
    model.keep(end, start, seconds)
    model.classes_, model.encoder_ = classes, encoder
    model.n_iter_ = end.epoch
