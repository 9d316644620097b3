"""Tagging: parts of speech of the English Web Treebank, in batches of whole sentences of different lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.workloads.declared import Data, MissingDataError, Workload, normal
from lexgrad.models.tagging.encoder import WordEncoder
from lexgrad.text.sentences import Sentence
from lexgrad.text.tagged import open_tagged

TREEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "ud-ewt" / "en_ewt-ud-train.conllu.gz"
LONGEST, SHAPES = 4, True  # affixes of words, and their shapes
FILTER = 3  # characters that a filter sees


def tagger(
    sentences: int = 0, batch: int = 32, batches: int = 24, d: int = 100, affix: int = 16, units: int = 128
) -> Data:
    """The tagger: what is known of words side by side, an LSTM each way, softmax; mean loss of a batch's words.

    What is known: an embedding, nine of affixes and shapes, and 50 filters over the embeddings (25 numbers) of three
    characters, ReLU of the largest in the word. Batches are sentences of about one length, one batch behind the other:
    ``cuts`` says where each batch's sentences begin, ``offsets`` where each sentence's words begin, ``ends`` where each
    word's characters begin, each with the end of the last.

    Args:
        sentences: so many made-up ones in place of the treebank.
        batch: sentences in a batch.
        batches: how many, drawn from all over the treebank.
        d: width of words' embeddings.
        affix: of those of affixes and shapes.
        units: of each LSTM.

    Raises:
        MissingDataError: the treebank is not beside the checkout.
    """
    generator = np.random.default_rng(0)
    read = _made_up(generator, sentences) if sentences else treebank()
    encoder = WordEncoder.learn([s.words for s in read], longest=LONGEST, shapes=SHAPES, min_count=1)
    names = {tag: number for number, tag in enumerate(sorted({tag for s in read for tag in s.tags or ()}))}
    order = sorted(generator.permutation(len(read))[: batch * batches].tolist(), key=lambda i: len(read[i].words))
    groups = [order[i : i + batch] for i in range(0, len(order), batch)]
    turns = generator.permutation(len(groups)).tolist()
    chosen = [read[i] for turn in turns for i in groups[turn]]
    encoded = encoder.encode([s.words for s in chosen])
    filters, letter = 50, 25
    known = d + (2 * LONGEST + SHAPES) * affix + filters
    way = {"W": (known, 4 * units), "U": (units, 4 * units), "b": (4 * units,)}
    return {
        "E": normal(generator, len(encoder.words), d, scale=0.1),
        "A": normal(generator, encoder.rows, affix, scale=0.1),
        "C": normal(generator, len(encoder.characters), letter, scale=0.1),
        "F": normal(generator, FILTER * letter, filters, scale=0.1),
        "bF": np.zeros(filters, np.float32),
        **{f"{name}1{side}": normal(generator, *shape) for side in "fb" for name, shape in way.items()},
        "W": normal(generator, 2 * units, len(names), scale=0.1),
        "b": np.zeros(len(names), np.float32),
        "words": encoded.words.astype(np.int64),
        "affixes": encoded.affixes.astype(np.int64),
        "characters": encoded.characters.astype(np.int64),
        "target": np.array([names[tag] for s in chosen for tag in s.tags or ()]),
        "offsets": encoded.offsets,
        "ends": encoded.ends,
        "cuts": np.cumsum([0, *(len(groups[turn]) for turn in turns)]),
        "rate": 0.5,
    }


def treebank() -> list[Sentence]:
    """The training sentences.

    Raises:
        MissingDataError: they are not beside the checkout.
    """
    if not TREEBANK.is_file():
        raise MissingDataError(f"needs the English Web Treebank as {TREEBANK}")
    return list(open_tagged(TREEBANK))


def _made_up(generator: np.random.Generator, count: int) -> list[Sentence]:
    words = [f"{letter}{i}" for letter in "abc" for i in range(10)]
    found = [tuple(map(str, generator.choice(words, generator.integers(1, 6)))) for _ in range(count)]
    return [Sentence(each, tuple(word[0] for word in each), 1) for each in found]


WORKLOADS = (
    Workload(
        "tagger",
        "LSTM tagger both ways, d 100 + affixes + characters, H 128, 32 sentences of the English Web Treebank, SGD",
        24,
        tagger,
        {"sentences": 40, "batch": 4, "batches": 2, "d": 8, "affix": 4, "units": 8},
    ),
)
