"""Hold neural language models against n-grams: python -m bench.neural_and_ngrams RUNS [NAME …]

The text is the first 10 %, 30 % and all of the lines of the Penn Treebank's training text; every model knows the words
of all of it. A model that RUNS has a run of is not trained again; the others are trained by ``lexgrad train``, with the
settings below, and their commands are printed. Then all are measured on the test text, alone and mixed with the n-grams
of order 5, weights by EM on the dev text, and the tables and the picture of docs/neural-and-ngrams.md are made anew.
With NAMEs, such as lstm-lm-10, only these are trained, and nothing is written.
"""

from __future__ import annotations

import argparse
import gzip
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.contest import CHECKOUT
from bench.page import filled
from lexgrad.models import NGramLM, load
from lexgrad.models.language.base import LanguageModel
from lexgrad.models.language.counting import walk
from lexgrad.models.language.lines import Lines, encode_lines, with_ends
from lexgrad.models.language.mixture import best_weights, mixed_logarithms
from lexgrad.plot.canvas import COLOURS, Plot, panels
from lexgrad.text.corpus import Corpus
from lexgrad.train.run import MODEL

DATA = CHECKOUT.parent / "shared" / "data" / "ptb"
TRAIN, DEV, TEST = DATA / "ptb.train.txt.gz", DATA / "ptb.valid.txt", DATA / "ptb.test.txt"
SETTINGS = CHECKOUT / "examples" / "settings"
PAGE, PICTURE = CHECKOUT / "docs" / "neural-and-ngrams.md", CHECKOUT / "docs" / "pictures" / "neural-and-ngrams.png"
PERCENT = (10, 30, 100)
ORDER = 5
Float = NDArray[np.float64]


@dataclass(frozen=True)
class Entrant:
    """A model, and what differs from its file of settings; less text wants more passes and more dropout.

    Attributes:
        title: what tables call it.
        model: its name.
        settings: a file of ``examples/settings``.
        always: settings for every text.
        less: settings for a share of the text, by percent.
    """

    title: str
    model: str
    settings: str
    always: Mapping[str, Any] = field(default_factory=dict)
    less: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def command(self, percent: int, text: Path, run: Path, threads: int | None) -> list[str]:
        """The command that trains it."""
        own = {"vocabulary": TRAIN, **self.always, **self.less.get(percent, {})}
        options = ["--dev", DEV, "--settings", SETTINGS / self.settings, "--out", run]
        options += ["--threads", threads] if threads and self.model != "ngram-lm" else []
        sets = [word for name, value in own.items() for word in ("--set", f"{name}={value}")]
        resume = ["--resume"] if (run / "config.json").is_file() else []
        return ["train", self.model, *map(str, [text, *options, *sets, *resume])]


ADAM = {"optimizer": "adam", "learning_rate": 0.002, "clip_norm": None}
ENTRANTS = {
    "ngrams-3": Entrant("n-grams, order 3", "ngram-lm", "ptb-ngram-lm.toml", {"order": 3}),
    "ngrams-5": Entrant("n-grams, order 5", "ngram-lm", "ptb-ngram-lm.toml"),
    "ffnn-lm": Entrant(
        "`ffnn-lm`",
        "ffnn-lm",
        "ptb-ffnn-lm.toml",
        less={10: {**ADAM, "epochs": 15, "dropout": 0.5}, 30: {**ADAM, "epochs": 8, "dropout": 0.4}},
    ),
    "rnn-lm": Entrant(
        "`rnn-lm`",
        "rnn-lm",
        "ptb-rnn-lm.toml",
        less={10: {"epochs": 15, "dropout": 0.5, "batch": 10}, 30: {"epochs": 8, "dropout": 0.4}},
    ),
    "lstm-lm": Entrant(
        "`lstm-lm`",
        "lstm-lm",
        "ptb-lstm-lm.toml",
        less={10: {"epochs": 30, "dropout": 0.5, "batch": 10}, 30: {"epochs": 6, "dropout": 0.35, "batch": 10}},
    ),
}
NEURAL = [name for name in ENTRANTS if not name.startswith("ngrams")]


# ---- training ---------------------------------------------------------------------------------------------------


def part_of_text(runs: Path, percent: int) -> Path:
    """The first lines of the training text, as a file."""
    if percent == 100:
        return TRAIN
    path = runs / f"ptb.train.{percent}.txt"
    if not path.is_file():
        lines = gzip.decompress(TRAIN.read_bytes()).splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) * percent // 100]))
    return path


def trained(runs: Path, name: str, threads: int | None) -> Path:
    """The run of an entrant on a share of the text, such as ``lstm-lm-10``; trained if it is not there yet."""
    entrant, percent = ENTRANTS[name.rpartition("-")[0]], int(name.rpartition("-")[2])
    run = runs / name
    if not (run / MODEL).is_file():
        words = entrant.command(percent, part_of_text(runs, percent), run, threads)
        print(shlex.join(["lexgrad", *words]), flush=True)
        subprocess.run([sys.executable, "-m", "lexgrad", *words], check=True)
    return run


# ---- measuring --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What a model says of the dev and the test text: log P of every token, float64 (tokens,)."""

    dev: Float
    test: Float


def measured(run: Path, words: set[str]) -> Measured:
    """Measure a run; what was found is kept beside it.

    Raises:
        ValueError: it knows other words.
    """
    kept = run.with_suffix(".npz")
    if not kept.is_file() or kept.stat().st_mtime < (run / MODEL).stat().st_mtime:
        model: Any = load(run)
        if set(model.tokenizer_.vocabulary) != words:
            raise ValueError(f"{run} knows other words than those of {TRAIN}")
        np.savez(kept, dev=_logarithms(model, DEV), test=_logarithms(model, TEST))
    with np.load(kept) as arrays:
        return Measured(arrays["dev"], arrays["test"])


def _logarithms(model: LanguageModel, text: Path) -> Float:
    return model.line_logarithms(encode_lines(model.tokenizer_, Corpus.open(text)))


def perplexity(logarithms: Float) -> float:
    """exp of the mean of −log P."""
    return float(np.exp(-logarithms.mean()))


def mixed(one: Measured, other: Measured) -> tuple[Float, float]:
    """log P of the test text by a mixture of two models, and the weight of the first: by EM on the dev text."""
    weights = best_weights(np.stack([one.dev, other.dev]))
    return mixed_logarithms([one.test, other.test], weights), float(weights[0])


def longest_seen(model: NGramLM, trained_on: Lines, lines: Lines) -> NDArray[np.int64]:
    """For every token of some lines, how many words the longest n-gram has that ends there and that training saw.

    0: the word itself is not in the training text; at most the model's order.
    """
    ids, starts = with_ends(lines.texts, model.end, model.end + 1)
    found = np.isin(ids, with_ends(trained_on.texts, model.end)[0]).astype(np.int64)
    for number, (_, ending) in enumerate(walk(model.estimate_.levels, ids, starts), 2):
        found[ending >= 0] = number
    return found[~starts]


# ---- page and picture -------------------------------------------------------------------------------------------


def perplexities(results: Mapping[str, Measured], tokens: Mapping[int, int]) -> str:
    """The table of test perplexities: a row a model, a column a size."""
    head = [f"{percent} %: {tokens[percent]:,} words" for percent in PERCENT]
    rows = [["test perplexity", *head]]
    for name, entrant in ENTRANTS.items():
        rows.append([entrant.title, *(f"{perplexity(results[f'{name}-{percent}'].test):.1f}" for percent in PERCENT)])
    for name in NEURAL:
        cells = []
        for percent in PERCENT:
            found, weight = mixed(results[f"ngrams-{ORDER}-{percent}"], results[f"{name}-{percent}"])
            cells.append(f"{perplexity(found):.1f} ({weight:.2f})")
        rows.append([f"{ENTRANTS[name].title} and n-grams of order {ORDER}", *cells])
    return table(rows)


def phrases(results: Mapping[str, Measured], longest: Mapping[int, NDArray[np.int64]]) -> str:
    """The table of perplexities by the longest n-gram that was seen: a row a length, three columns a size."""
    rivals = [f"ngrams-{ORDER}", NEURAL[-1]]
    shown = (PERCENT[0], PERCENT[-1])
    rows = [["longest n-gram seen"]]
    for percent in shown:
        rows[0] += [f"{percent} %: share", *(ENTRANTS[name].title for name in rivals)]
    for length in range(ORDER + 1):
        row = [("not even the word", "the word alone")[length] if length < 2 else f"{length} words"]
        for percent in shown:
            here = longest[percent] == length
            row.append(f"{100 * here.mean():.1f} %")
            logarithms = [results[f"{name}-{percent}"].test[here] for name in rivals]
            row += [f"{perplexity(found):,.0f}" if here.any() else "" for found in logarithms]
        rows.append(row)
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; numbers stand to the right."""
    marks = ["---", *("---:" for _ in rows[0][1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [rows[0], marks, *rows[1:]])


def picture(
    results: Mapping[str, Measured], longest: Mapping[int, NDArray[np.int64]], tokens: Mapping[int, int]
) -> Plot:
    """Test perplexity by how much text there was, and by the longest n-gram seen in all of it."""
    figure, (left, right) = panels(2, 4.6, 3.8)
    sizes = [tokens[percent] for percent in PERCENT]
    lengths = range(1, ORDER + 1)
    for colour, (name, entrant) in zip(COLOURS, ENTRANTS.items(), strict=False):
        found = {percent: results[f"{name}-{percent}"].test for percent in PERCENT}
        style: dict[str, Any] = {"color": colour, "marker": "o" if name in NEURAL else "s", "markersize": 5}
        style |= {"label": entrant.title.strip("`"), "linestyle": "-" if name in NEURAL else "--"}
        left.plot(sizes, [perplexity(found[percent]) for percent in PERCENT], **style)
        right.plot(lengths, [perplexity(found[100][longest[100] == n]) for n in lengths], **style)
    best = NEURAL[-1]
    both = [mixed(results[f"ngrams-{ORDER}-{p}"], results[f"{best}-{p}"])[0] for p in PERCENT]
    label = f"{best} and n-grams, mixed"
    left.plot(sizes, list(map(perplexity, both)), color=COLOURS[5], marker="D", markersize=5, label=label)
    left.set(xscale="log", yscale="log", xlabel="words of training text", ylabel="test perplexity")
    left.set_xticks(sizes, [f"{size / 1000:.0f}k" for size in sizes])
    left.minorticks_off()
    low, high = left.get_ylim()
    ticks = [tick for tick in (70, 100, 150, 200, 300, 400, 600) if low <= tick <= high]
    left.set_yticks(ticks, list(map(str, ticks)))
    left.legend(fontsize=8)
    right.set(yscale="log", xlabel="words of the longest n-gram seen", ylabel="perplexity of these words (all text)")
    right.set_xticks(list(lengths))
    return Plot(figure, "Neural language models and n-grams on the Penn Treebank")


# ---- the command line -------------------------------------------------------------------------------------------


def main(words: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m bench.neural_and_ngrams", description=__doc__)
    parser.add_argument("runs", type=Path, metavar="RUNS")
    every = [f"{name}-{percent}" for name in ENTRANTS for percent in PERCENT]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(every)}")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args(words)
    if unknown := set(arguments.names) - set(every):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    arguments.runs.mkdir(parents=True, exist_ok=True)
    runs = {name: trained(arguments.runs, name, arguments.threads) for name in arguments.names or every}
    if arguments.names:
        return
    ngrams: dict[int, Any] = {percent: load(runs[f"ngrams-{ORDER}-{percent}"]) for percent in PERCENT}
    tokenizer = ngrams[100].tokenizer_
    texts = {p: encode_lines(ngrams[p].tokenizer_, Corpus.open(part_of_text(arguments.runs, p))) for p in PERCENT}
    longest = {
        p: longest_seen(ngrams[p], texts[p], encode_lines(ngrams[p].tokenizer_, Corpus.open(TEST))) for p in PERCENT
    }
    tokens = {percent: lines.words + len(lines) for percent, lines in texts.items()}
    results = {name: measured(run, set(tokenizer.vocabulary)) for name, run in runs.items()}
    parts = {"perplexities": perplexities(results, tokens), "phrases": phrases(results, longest)}
    print("\n\n".join(parts.values()))
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), parts), encoding="utf-8", newline="\n")
    picture(results, longest, tokens).save(PICTURE, dpi=80)


if __name__ == "__main__":
    main()
