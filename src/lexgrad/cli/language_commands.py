"""The commands about language models, with their options; what they do is in `cli/language.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lexgrad.cli.options import Encoding, columns_of, flag, value
from lexgrad.cli.output import Output

RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A language model that [b]train[/] made.")]
TextFile = Annotated[str, typer.Argument(metavar="FILE", help="Lines of text: a file, [b]-[/], or builtin:NAME.")]
Column = Annotated[str | None, value("COL", "Column with the texts, in tables; else the one called text.")]
Format = Annotated[str | None, value("NAME", "csv, tsv, jsonl, parquet, txt; else by the name.", "--format")]
Json = Annotated[bool, flag("--json", "Print one JSON object.")]


def perplexity(
    *,
    run: RunPath,
    file: TextFile,
    text: Column = None,
    encoding: Encoding = None,
    format_: Format = None,
    as_json: Json = False,
) -> None:
    """Measure how well a language model predicts a text: perplexity per word, ends of lines counted.

    \b
    Examples:
      lexgrad perplexity runs/ngram-lm-news-1 test.txt
      lexgrad perplexity runs/ngram-lm-news-1 test.txt --json
    """
    from lexgrad.cli.language import run_perplexity

    run_perplexity(run, file, columns_of(text=text, encoding=encoding, format=format_), Output(as_json=as_json))


def score(
    *,
    run: RunPath,
    file: Annotated[str, value("FILE", "Lines of text: a file, [b]-[/], or builtin:NAME.", "--file")],
    text: Column = None,
    encoding: Encoding = None,
    format_: Format = None,
    as_json: Annotated[bool, flag("--json", "Print one JSON object a line of the text.")] = False,
) -> None:
    """Print how probable every line and token is; in a terminal, the more surprising a token the redder it is.

    A line begins with the natural logarithm of its probability; behind each token stands its surprise, -log2 P, in
    bits. With --json both are natural logarithms.

    \b
    Examples:
      lexgrad score runs/ngram-lm-news-1 --file test.txt
      echo "the market fell" | lexgrad score runs/ngram-lm-news-1 --file - --json
    """
    from lexgrad.cli.language import run_score

    run_score(run, file, columns_of(text=text, encoding=encoding, format=format_), Output(as_json=as_json))


def generate(
    *,
    run: RunPath,
    prompt: Annotated[str, value("TEXT", "What the text begins with.")] = "",
    tries: Annotated[int, value("N", "How many texts.", least=1)] = 1,
    tokens: Annotated[int, value("N", "Tokens of each at most.", least=1)] = 100,
    temperature: Annotated[float, value("T", "Below 1 plainer, above 1 wilder; 0: the most probable.", least=0)] = 1.0,
    top_k: Annotated[int | None, value("K", "Draw among the K most probable tokens.", least=1)] = None,
    top_p: Annotated[float | None, value("P", "Draw among the fewest tokens that have P together.")] = None,
    seed: Annotated[int, value("N", "Fixes what is drawn.", least=0)] = 0,
    line: Annotated[bool, flag("--line", "Stop at the end of the line.")] = False,
    unknown: Annotated[bool, flag("--unknown", "Let unknown words of the prompt through as <unk>.")] = False,
    stream: Annotated[bool, flag("--stream", "Print every token as soon as it is drawn.")] = False,
    rounded: Annotated[bool, flag("--bf16", "Round a neural model's weights to bf16: read in half the time.")] = False,
    as_json: Json = False,
) -> None:
    """Draw texts from a language model.

    \b
    Examples:
      lexgrad generate runs/ngram-lm-news-1 --prompt "the market" --tries 3
      lexgrad generate runs/lstm-lm-plays-1 --tokens 500 --temperature 0.8 --stream
    """
    from lexgrad.cli.language import Drawing, run_generate

    drawing = Drawing(prompt, tries, tokens, temperature, top_k, top_p, seed, line, unknown, stream, rounded)
    run_generate(run, drawing, Output(as_json=as_json))


def compare(
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Language models that train made.")],
    test: Annotated[str, value("FILE", "The text they are measured on.", "--test")],
    text: Column = None,
    encoding: Encoding = None,
    format_: Format = None,
    seed: Annotated[int, value("N", "Fixes the resampling.", least=0)] = 0,
    as_json: Json = False,
) -> None:
    """Compare language models on a text: perplexities, and whether a difference could be chance.

    Lines are resampled 10,000 times (paired bootstrap); p is how often the better model does not win.

    \b
    Examples:
      lexgrad compare runs/ngram-lm-news-1 runs/ffnn-lm-news-1 --test test.txt
    """
    from lexgrad.cli.language import run_compare

    run_compare(runs, test, columns_of(text=text, encoding=encoding, format=format_), seed, Output(as_json=as_json))


def mix(
    *,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Language models that know the same words.")],
    dev: Annotated[str, value("FILE", "The text that their weights are found on.", "--dev")],
    out: Annotated[Path, value("DIR", "Where the mixture is saved.", "--out")],
    text: Column = None,
    encoding: Encoding = None,
    format_: Format = None,
    as_json: Json = False,
) -> None:
    """Mix language models, say an n-gram model and a network: the weights that make a held-out text most probable.

    The mixture is a run like any other: perplexity, score, generate and compare take it.

    \b
    Examples:
      lexgrad mix runs/ngram-lm-news-1 runs/lstm-lm-news-1 --dev dev.txt --out runs/mixed
    """
    from lexgrad.cli.language import run_mix

    run_mix(runs, dev, columns_of(text=text, encoding=encoding, format=format_), out, Output(as_json=as_json))


def arpa(
    *,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="An ngram-lm to write; or, with --read, to make.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The ARPA file; .gz is compressed.")],
    read: Annotated[bool, flag("--read", "Make RUN from FILE.")] = False,
) -> None:
    """Write an n-gram model as an ARPA file, or make a run of one.

    \b
    Examples:
      lexgrad arpa runs/ngram-lm-news-1 news.arpa.gz
      lexgrad arpa runs/theirs theirs.arpa --read
    """
    from lexgrad.cli.language import run_arpa

    run_arpa(run, file, read, Output())


COMMANDS: tuple[Callable[..., None], ...] = (perplexity, score, generate, compare, mix, arpa)
