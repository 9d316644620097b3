"""`lexgrad perplexity`, `score`, `generate`, `compare`, `mix` and `arpa`: what one does with a language model."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexgrad.cli.output import Output, to_json
from lexgrad.cli.progress import counted, watching
from lexgrad.cli.reports import table
from lexgrad.errors import InputError

if TYPE_CHECKING:
    from rich.text import Text

    from lexgrad.models.language.base import LanguageModel, Score
    from lexgrad.text.corpus import Corpus

MANY_UNKNOWN = 0.2  # of the words: from here on a perplexity says more of <unk> than of the text
FEW_LINES = 30  # fewer resampled lines say little of chance
SURPRISES = ((2.0, "green"), (6.0, "default"), (10.0, "yellow"), (math.inf, "red"))  # bits, up to which a colour holds


@dataclass(frozen=True)
class Drawing:
    """How texts are drawn: the options of `lexgrad generate`."""

    prompt: str
    tries: int
    tokens: int
    temperature: float
    top_k: int | None
    top_p: float | None
    seed: int
    line: bool
    unknown: bool
    stream: bool
    rounded: bool


def load_language_model(run: Path, *, mapped: bool = False) -> LanguageModel:
    """Load a run; see ``lexgrad.models.load``.

    Raises:
        InputError: it holds another kind of model.
    """
    from lexgrad.models import load
    from lexgrad.models.language.base import LanguageModel

    model = load(run, mapped=mapped)
    if not isinstance(model, LanguageModel):
        raise InputError(f"{run} holds a {model.name} model, which is no language model: train one such as ngram-lm")
    return model


def open_corpus(source: str, columns: Mapping[str, str]) -> Corpus:
    """Open lines of text."""
    from lexgrad.text.corpus import Corpus

    return Corpus.open(source, **columns)


def run_perplexity(run: Path, file: str, columns: Mapping[str, str], output: Output) -> None:
    """Print what ``LanguageModel.evaluate`` measures."""
    model, corpus = load_language_model(run), open_corpus(file, columns)
    with watching(output) as progress:
        metrics = model.evaluate(corpus, progress=progress)
    output.report(*perplexity_report(file, metrics))
    asked = metrics["tokens"] - metrics["lines"]
    if metrics["unknown"] > MANY_UNKNOWN * asked:
        output.note(
            f"{metrics['unknown']:,} of {asked:,} tokens are unknown to {run}, and one <unk> is easy to predict: this"
            f" perplexity says little of the text; the model was trained on others, with tokens={model.tokenizer_.kind}"
        )
    output.result(metrics)


def perplexity_headline(title: str, metrics: Mapping[str, Any]) -> str:
    """One line: perplexity, how many words, how many of the tokens unknown."""
    return (
        f"{title}: perplexity {metrics['perplexity']:,.2f} per word, {metrics['bits_per_word']:.3f} bits per word, "
        f"{metrics['words']:,} words ({metrics['lines']:,} of them ends of lines)"
    )


def perplexity_report(title: str, metrics: Mapping[str, Any]) -> list[Any]:
    """The headline, and what else was measured."""
    known = metrics["perplexity_known"]
    rows = [
        ("nats per token", f"{metrics['loss']:.4f}", f"{metrics['tokens']:,} tokens"),
        ("bits per character", f"{metrics['bits_per_character']:.4f}", f"{metrics['characters']:,} characters"),
        (
            "perplexity per token without <unk>",
            "-" if known is None else f"{known:,.2f}",
            f"{metrics['unknown']:,} unknown",
        ),
    ]
    return [perplexity_headline(title, metrics), "", table(("measure", "value", "of"), rows, text_columns=(0, 2))]


def run_score(run: Path, file: str, columns: Mapping[str, str], output: Output) -> None:
    """Print every line's tokens with their surprise, and its log-probability."""
    model, corpus = load_language_model(run), open_corpus(file, columns)
    with watching(output) as progress:
        scores = model.scores(corpus, progress=progress)
    if not output.as_json:
        output.note("log P of each line in nats; behind each token its surprise in bits")
    for score in scores:
        if output.as_json:
            parts = zip(score.tokens, score.logarithms.tolist(), strict=True)
            tokens = [{"token": token, "logarithm": value} for token, value in parts]
            sys.stdout.write(to_json({"text": score.text, "logarithm": score.logarithm, "tokens": tokens}) + "\n")
        else:
            output.report(_coloured(score), whole=True)


def _coloured(score: Score) -> Text:
    """Tokens with their bits of surprise, each in the colour of how many they are."""
    from rich.text import Text

    line = Text(f"{score.logarithm:9.2f}  ")
    for token, logarithm in zip(score.tokens, score.logarithms.tolist(), strict=True):
        bits = -logarithm / math.log(2)
        colour = next(colour for most, colour in SURPRISES if bits <= most)
        line.append(token, style=colour)
        line.append(f" {bits:.1f}  ", style="dim")
    return line


def run_generate(run: Path, drawing: Drawing, output: Output) -> None:
    """Print texts that go on from the prompt.

    Raises:
        InputError: a number out of range, an unknown word in the prompt, or ``--stream`` with ``--json``.
    """
    if drawing.stream and output.as_json:
        raise InputError("--stream prints text as it comes, --json one object at the end: give one of them")
    model = load_language_model(run, mapped=True)
    texts = []
    for attempt in range(drawing.tries):
        pieces = model.generate(
            drawing.prompt,
            tokens=drawing.tokens,
            temperature=drawing.temperature,
            top_k=drawing.top_k,
            top_p=drawing.top_p,
            seed=drawing.seed,
            attempt=attempt,
            line=drawing.line,
            unknown=drawing.unknown,
            rounded=drawing.rounded,
        )
        if output.as_json:
            texts.append(drawing.prompt + "".join(pieces))
            continue
        _write(f"{'-' * 8}\n" if attempt else "")
        _write(drawing.prompt)
        for piece in pieces if drawing.stream else ["".join(pieces)]:
            _write(piece)
        _write("\n")
    output.result({"prompt": drawing.prompt, "seed": drawing.seed, "texts": texts})


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def run_compare(runs: Sequence[Path], test: str, columns: Mapping[str, str], seed: int, output: Output) -> None:
    """Print a table of perplexities on one text, best first, with the significance of each difference to the best.

    Raises:
        InputError: fewer than two runs, one that is named twice, or models that count other lines of the text.
    """
    from lexgrad.models.language.comparing import compare

    if len(runs) < 2:
        raise InputError("compare takes two runs or more")
    if twice := next((run for run in runs if runs.count(run) > 1), None):
        raise InputError(f"compare takes different runs; {twice} is named twice")
    models = {str(run): load_language_model(run) for run in runs}
    corpus = open_corpus(test, columns)
    with watching(output) as progress:
        rows = compare(models, corpus, seed=seed, progress=progress)
    lines = [
        (
            row.name,
            f"{row.perplexity:,.2f}",
            f"{row.bits_per_word:.3f}",
            "" if row.p is None else "< 0.0001" if row.p < 1e-4 else f"{row.p:.4f}",
        )
        for row in rows
    ]
    heading = ("run", "perplexity", "bits per word", "p (best is not better)")
    output.report(f"{test}: {rows[0].words:,} words", "", table(heading, lines))
    if rows[0].lines < FEW_LINES:
        output.note(f"p says little here: it comes of drawing lines, and the text has {counted(rows[0].lines, 'line')}")
    if len({row.unknown for row in rows}) > 1:
        counts = ", ".join(f"{row.name} {row.unknown:,}" for row in rows)
        output.note(
            f"the models do not know the same words (unknown here: {counts}): who calls more of it <unk> has it easier;"
            " train them with one vocabulary, or on pieces (tokens=bpe)"
        )
    output.result({"test": test, "words": rows[0].words, "models": [row.json() for row in rows]})


def run_mix(runs: Sequence[Path], dev: str, columns: Mapping[str, str], out: Path, output: Output) -> None:
    """Weigh models by a text, and save the mixture.

    Raises:
        InputError: models that do not go together, or ``out`` is taken.
    """
    from lexgrad.models.language.mixture import MixtureLM

    _require_free(out, "--out")
    corpus, models = open_corpus(dev, columns), [load_language_model(run) for run in runs]
    with watching(output) as progress:
        mixture = MixtureLM.mixed(models, corpus, progress=progress)
        mixture.save(out)
        perplexity = mixture.evaluate(corpus, progress=progress)["perplexity"]
    weights = mixture.weights_.tolist()
    rows = [(str(run), f"{weight:.4f}") for run, weight in zip(runs, weights, strict=True)]
    output.report(table(("run", "weight"), rows), "", f"{dev}: perplexity {perplexity:,.2f} per word; saved in {out}")
    shares = dict(zip(map(str, runs), weights, strict=True))
    output.result({"run": str(out), "weights": shares, "dev": dev, "perplexity": perplexity})


def run_arpa(run: Path, file: Path, read: bool, output: Output) -> None:
    """Write or read an ARPA file.

    Raises:
        InputError: another kind of model, or a file that is none; or there is something where the run is to be.
    """
    from lexgrad.models.language.ngram import NGramLM

    if read:
        _require_free(run, "RUN")
        NGramLM.from_arpa(file).save(run)
        output.report(f"made {run} from {file}")
        return
    model = load_language_model(run)
    if not isinstance(model, NGramLM):
        raise InputError(f"{run} holds a {model.name} model; ARPA files are for ngram-lm")
    model.to_arpa(file)
    output.report(f"wrote {file}")


def _require_free(place: Path, called: str) -> None:
    """Say now what saving would say in the end."""
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise InputError(f"{place} is taken already: choose another {called}")
