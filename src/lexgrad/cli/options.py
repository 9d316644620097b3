"""Options and arguments that several commands have, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def value(metavar: str, help_: str, *names: str, least: float | None = None) -> Any:
    """An option that takes a value."""
    return typer.Option(*names, metavar=metavar, help=help_, min=least)


def flag(name: str, help_: str) -> Any:
    """An option that is there or not; without a metavar, help would show it as if it took a value."""
    return typer.Option(name, metavar="", help=help_)


RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A directory that [b]train[/] made.")]
Train = Annotated[
    str,
    typer.Argument(
        metavar="TRAIN",
        help="Texts with labels; for a tagger tagged words; for language models and word vectors lines of text:"
        " a file, [b]-[/], or builtin:NAME (lines: a folder or a pattern as well).",
    ),
]
Text = Annotated[str | None, value("COL", "Column with the texts; else the one called text.")]
Label = Annotated[str | None, value("COL", "Column with the labels; else the one called label.")]
Field = Annotated[
    str | None, value("COL", "For taggers: the column of CoNLL-U with the tags, such as xpos; else upos.", "--field")
]
Epochs = Annotated[int | None, value("N", "Passes over the texts.", least=1)]
Batch = Annotated[
    int | None, value("N", "Texts in a mini-batch; of recurrent language models places of the text.", least=1)
]
Threads = Annotated[int | None, value("N", "Processor threads.", least=1)]
Precision = Annotated[str | None, value("NAME", "fp32 (if not given), fp64; bf16 with AMX or AVX512-BF16.")]
Vectors = Annotated[str | None, value("FILE", "Word vectors to begin with: word2vec, GloVe, ..., or a run.")]
Encoding = Annotated[str | None, value("NAME", "Such as cp1252; [b]detect[/] accepts a guess; else UTF-8.")]
Format = Annotated[
    str | None, value("NAME", "csv, tsv, jsonl, parquet, txt, fasttext, conllu, tagged; else by the name.", "--format")
]
Json = Annotated[bool, flag("--json", "Print one JSON object; all else goes to standard error.")]


def columns_of(**given: str | None) -> dict[str, str]:
    """The options that say how a file is read, without those that were not given."""
    return {name: value for name, value in given.items() if value is not None}
