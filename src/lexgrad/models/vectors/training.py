"""From texts to word vectors: a piece of the corpus at a time, with checkpoints and exact resumption."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lexgrad.compile.threads import processors
from lexgrad.compile.word2vec import Layout, Noise, Updates, WordRows
from lexgrad.errors import InputError, NonFiniteError
from lexgrad.models import storage
from lexgrad.models.vectors import sampling, storing
from lexgrad.models.vectors.pace import Pace
from lexgrad.text.corpus import Corpus
from lexgrad.text.indexed import IndexedCorpus, index
from lexgrad.text.packed import PackedTexts, let_go, pack, trim
from lexgrad.train.interrupts import held_back
from lexgrad.train.position import Position
from lexgrad.train.progress import Interrupted, Progress
from lexgrad.train.run import Run

if TYPE_CHECKING:
    from lexgrad.models.vectors.word2vec import Word2Vec

Float32 = NDArray[np.float32]
PIECE = 1 << 17
"""Tokens of a piece: a tenth of a second or so. No window reaches over its end."""
SHARE = 32
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True)
class Sampler:
    """The compiled update with what it draws from."""

    updates: Updates
    thresholds: NDArray[np.uint32]
    noise: Noise
    rows: WordRows | None
    seed: int

    def piece(
        self,
        texts: PackedTexts,
        number: int,
        epoch: int,
        rates: tuple[float, float],
        W: Float32,
        C: Float32,
        threads: int,
    ) -> tuple[float, int]:
        """Go through piece ``number`` once; returns the sum of the losses in nats and the number of pairs."""
        begin, end = number * PIECE, min((number + 1) * PIECE, len(texts.ids))
        first, last = np.searchsorted(texts.offsets, [begin, end])
        bounds = np.concatenate([[begin], texts.offsets[first:last], [end]]) - begin
        window = self.updates.select(
            texts.ids[begin:end], bounds, self.thresholds, sampling.key(self.seed, "windows", epoch), begin
        )
        let_go(texts.ids)
        let_go(texts.offsets)
        steps = np.arange(-(-len(window.ids) // self.updates.layout.batch)) * self.updates.layout.batch
        slope = (rates[1] - rates[0]) / max(len(window.ids), 1)
        loss = self.updates(
            W,
            C,
            window,
            self.noise,
            (rates[0] + slope * steps).astype(np.float32),
            sampling.key(self.seed, "noise", epoch),
            self.rows,
            threads,
        )
        return loss, window.pairs


def sampler(model: Word2Vec, vocabulary: list[str], counts: NDArray[np.int64], sample: float) -> Sampler:
    """Compile the update of a model; ``sample`` as in its settings."""
    step = model.learning_rate * model.negatives * (1 if model.cbow else model.window)
    batch = model.batch or sampling.usual_batch(counts, step)
    layout = Layout(
        dimensions=model.dimensions,
        window=model.window,
        negatives=model.negatives,
        cbow=model.cbow,
        subwords=model.subwords is not None,
        batch=batch,
        share=min(SHARE, batch),
    )
    hashed = model.hashed()
    rows = None if hashed is None else hashed.word_rows(vocabulary)
    noise = sampling.noise(counts, model.noise_power)
    return Sampler(Updates(layout), sampling.thresholds(counts, sample), noise, rows, model.seed)


def fit_vectors(model: Word2Vec, X: Any, *, run: Run | None, progress: Progress) -> None:
    """Train ``model`` in place; see Word2Vec.fit."""
    corpus = X if isinstance(X, IndexedCorpus) else None
    data: dict[str, Any] = {}
    if corpus is None:
        opened = Corpus.of(X)
        corpus = _indexed(model, opened, progress)
        data = {"train": opened.fingerprint() if run is not None else ""}
    if run is not None and run.resuming:
        storage.require_same(run, storing.run_config(model, data), model, "linear")
    model.vocabulary_, model.counts_ = corpus.vocabulary, corpus.counts
    if run is not None:
        storing.write_start(run, model, data)
    training = _Training(model, corpus, run, progress)
    began = time.monotonic()
    end = training.train()
    _keep(model, end, corpus, training.words, time.monotonic() - began)
    trim()
    if run is not None:
        storing.write_finished(run, model)


def _indexed(model: Word2Vec, corpus: Corpus, progress: Progress) -> IndexedCorpus:
    return index(
        corpus,
        min_count=model.min_count,
        tokens=model.tokens,
        pattern=model.pattern,
        phrases=model.phrases,
        phrase_threshold=model.phrase_threshold,
        tell=lambda words, fraction: progress.on_data("reading", words, fraction, "words"),
    )


class _Training:
    """One call of ``fit``; ``here`` is replaced as a whole after each piece."""

    def __init__(self, model: Word2Vec, corpus: IndexedCorpus, run: Run | None, progress: Progress) -> None:
        self.model, self.texts, self.run, self.progress = model, corpus.texts, run, progress
        self.sampler = sampler(model, corpus.vocabulary, corpus.counts, model.sample)
        self.threads = model.threads or processors()
        self.at_once = self.threads if model.lock_free else 1
        self.pace = Pace(self.threads)
        self.pieces = -(-len(corpus.texts.ids) // PIECE)
        self.read_per_token = corpus.read / len(corpus.texts.ids)
        self.words = 0
        self.saved = time.monotonic()
        saved = run.load() if run is not None and run.resuming else None
        self.here = saved or self.start(len(corpus.vocabulary))
        trim()  # what compiling took

    def start(self, words: int) -> Position:
        """Random vectors, and contexts of zeros, as in word2vec's program."""
        model = self.model
        rows = words + (model.buckets if model.subwords is not None else 0)
        W = sampling.first_vectors(model.seed, rows, model.dimensions)
        return Position(parameters={"W": W, "C": np.zeros((words, model.dimensions), np.float32)}, state={})

    def train(self) -> Position:
        """Train until the last epoch is done; returns where that is."""
        with held_back() as self.safe_point:
            try:
                self.progress.on_start(
                    epochs=self.model.epochs,
                    steps=self.pieces,
                    examples=len(self.texts),
                    first_epoch=self.here.epoch + 1,
                    first_step=self.here.step,
                )
                while self.here.epoch < self.model.epochs:
                    self.progress.on_epoch(self.here.epoch + 1, self.model.epochs)
                    self.epoch()
            except KeyboardInterrupt as stop:
                checkpoint = self.run.save(self.here) if self.run else None
                raise Interrupted(checkpoint, self.here.epoch + 1, self.here.step) from stop
            self.progress.on_end(epochs=self.here.epoch, stopped_early=False)
            return self.here

    def epoch(self) -> None:
        """Do what is left of the epoch."""
        clock = time.monotonic()
        for group in self.groups():
            loss, pairs = self.go_through(group)
            here, last = self.here, group[-1] + 1
            if not math.isfinite(loss):
                raise NonFiniteError(
                    f"the loss became {loss} in epoch {here.epoch + 1}, step {last}: the learning rate"
                    f" ({self.rate(group[0])[0]:g}) may be too high, or the batch too large; lower them"
                )
            tokens = self.tokens_until(last) - self.tokens_until(group[0])
            texts = self.texts_until(last) - self.texts_until(group[0])
            now = time.monotonic()
            self.words += tokens
            self.here = replace(
                here,
                step=last,
                updates=here.updates + len(group),
                loss_sum=here.loss_sum + loss,
                examples=here.examples + pairs,
                tokens=here.tokens + tokens,
                seconds=here.seconds + (now - clock),
            )
            clock = now
            losses = np.array([loss / max(pairs, 1)])
            self.progress.on_steps(losses=losses, examples=texts, tokens=tokens, step=last, steps=self.pieces)
            if self.run and now - self.saved > CHECKPOINT_SECONDS:
                self.run.save(self.here)
                self.saved = now
            self.safe_point()
        self.finish_epoch()

    def groups(self) -> Iterator[list[int]]:
        """The pieces to come of this epoch: one at a time, or as many as threads that do not wait."""
        for begin in range(self.here.step, self.pieces, self.at_once):
            yield list(range(begin, min(begin + self.at_once, self.pieces)))

    def go_through(self, group: list[int]) -> tuple[float, int]:
        """Update the vectors; returns the sum of the losses, and how many pairs."""
        W, C = self.here.parameters["W"], self.here.parameters["C"]

        def one(number: int, threads: int = 1) -> tuple[float, int]:
            return self.sampler.piece(self.texts, number, self.here.epoch, self.rate(number), W, C, threads)

        if not self.model.lock_free:
            threads, began = self.pace.threads(), time.perf_counter()
            done_alone = one(group[0], threads)
            tokens = min(PIECE, len(self.texts.ids) - group[0] * PIECE)
            self.pace.took(threads, (time.perf_counter() - began) / tokens)
            return done_alone
        with ThreadPoolExecutor(len(group)) as pool:
            done = list(pool.map(one, group))
        return math.fsum(loss for loss, _ in done), sum(pairs for _, pairs in done)

    def rate(self, number: int) -> tuple[float, float]:
        """The learning rate where a piece begins, and where it ends: it falls in a line over all epochs."""
        total = self.model.epochs * len(self.texts.ids)
        done = [
            self.here.epoch * len(self.texts.ids) + min(n * PIECE, len(self.texts.ids)) for n in (number, number + 1)
        ]
        first, last = self.model.learning_rate, min(self.model.end_rate, self.model.learning_rate)
        return first + (last - first) * done[0] / total, first + (last - first) * done[1] / total

    def tokens_until(self, number: int) -> int:
        """Words of the corpus before a piece, those that are too rare included."""
        return round(min(number * PIECE, len(self.texts.ids)) * self.read_per_token)

    def texts_until(self, number: int) -> int:
        """Texts that begin before a piece."""
        return int(np.searchsorted(self.texts.offsets[:-1], min(number * PIECE, len(self.texts.ids))))

    def finish_epoch(self) -> None:
        """Close the books of an epoch, and save."""
        here = self.here
        row = {
            "epoch": here.epoch + 1,
            "step": here.updates,
            "loss": here.loss_sum / max(here.examples, 1),
            "learning_rate": self.rate(self.pieces - 1)[1],
            "examples": len(self.texts),
            "pairs": here.examples,
            "tokens": here.tokens,
            "seconds": round(here.seconds, 4),
        }
        self.here = replace(
            here, epoch=here.epoch + 1, step=0, loss_sum=0.0, examples=0, tokens=0, seconds=0.0, rows=(*here.rows, row)
        )
        self.progress.on_epoch_end(row)
        if self.run and (time.monotonic() - self.saved > CHECKPOINT_SECONDS or here.epoch + 1 == self.model.epochs):
            self.run.save(self.here)
            self.saved = time.monotonic()


def _keep(model: Word2Vec, end: Position, corpus: IndexedCorpus, words: int, seconds: float) -> None:
    """Set the fitted attributes."""
    model.parameters_ = dict(end.parameters)
    model.history_ = [dict(row) for row in end.rows]
    model.n_iter_ = end.epoch
    texts = words * len(corpus.texts) / corpus.read
    model.report_ = {
        "epochs": end.epoch,
        "parameters": sum(int(array.size) for array in model.parameters_.values()),
        "words": len(model.vocabulary_),
        "train_seconds": round(seconds, 4),
        "examples_per_second": round(texts / seconds, 1) if seconds else 0.0,
        "tokens_per_second": round(words / seconds, 1) if seconds else 0.0,
        "loss": model.history_[-1]["loss"] if model.history_ else None,
    }


def held_out_loss(model: Word2Vec, X: Any) -> dict[str, Any]:
    """See Word2Vec.evaluate: the update at rate 0, over every word that has a vector."""
    found = index(Corpus.of(X), min_count=1, tokens=model.tokens, pattern=model.pattern)
    numbers = {word: number for number, word in enumerate(model.vocabulary_)}
    place = np.array([numbers.get(word, -1) for word in found.vocabulary], np.int32)
    texts = pack([ids[ids >= 0] for ids in (place[text] for text in found.texts)])
    known = len(texts.ids)
    if not known:
        raise InputError(f"no word of {Corpus.of(X).source} has a vector; expected texts of known words")
    sampled = sampler(model, model.vocabulary_, model.counts_, 0.0)
    W, C = model.parameters_["W"], model.parameters_["C"]
    pieces = range(-(-known // PIECE))
    done = [sampled.piece(texts, number, 0, (0.0, 0.0), W, C, model.threads or processors()) for number in pieces]
    pairs = sum(count for _, count in done)
    loss = math.fsum(part for part, _ in done) / pairs if pairs else None
    return {"loss": loss, "pairs": pairs, "words": known, "missing": found.read - known}
