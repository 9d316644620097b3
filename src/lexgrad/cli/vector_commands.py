"""The commands about word vectors, with their options; what they do is in `cli/vectors.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lexgrad.cli.options import value
from lexgrad.cli.output import Output

Vectors = Annotated[
    Path, typer.Argument(metavar="RUN|FILE", help="A trained model with word embeddings, or a file of vectors.")
]
Count = Annotated[int, value("N", "How many words.", "-n", least=1)]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object.")]


def neighbors(
    *,
    vectors: Vectors,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words whose neighbours are asked for.")],
    n: Count = 10,
    as_json: Json = False,
) -> None:
    """List the words nearest to some words, by the cosine of their vectors.

    \b
    Examples:
      lexgrad neighbors runs/word2vec-wiki-1 king paris
      lexgrad neighbors runs/ffnn-train-1 lovely -n 5 --json
      lexgrad neighbors glove.6B.100d.txt.gz physics
    """
    from lexgrad.cli.vectors import run_neighbors

    run_neighbors(vectors, words, n, Output(as_json=as_json))


def analogy(
    *,
    vectors: Vectors,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[A B C]", help="A is to B as C is to ...: man king woman.")
    ] = None,
    file: Annotated[str | None, value("FILE", "Answer its questions: lines A B C D, sections ': name'.")] = None,
    most: Annotated[int, value("N", "With --file: answers are among the first N words.", least=1)] = 300_000,
    n: Count = 5,
    as_json: Json = False,
) -> None:
    """Answer an analogy by the words nearest to B - A + C, or measure the answers to a file of them.

    \b
    Examples:
      lexgrad analogy runs/word2vec-wiki-1 man king woman
      lexgrad analogy runs/word2vec-wiki-1 --file questions-words.txt
    """
    from lexgrad.cli.vectors import run_analogies, run_analogy
    from lexgrad.errors import InputError

    if file is None:
        run_analogy(vectors, words or [], n, Output(as_json=as_json))
    elif words:
        raise InputError(f"give an analogy, or a --file of them; got {' '.join(words)} and {file}")
    else:
        run_analogies(vectors, file, most, Output(as_json=as_json))


def similarity(
    *,
    vectors: Vectors,
    items: Annotated[
        list[str], typer.Argument(metavar="FILE|WORD WORD", help="A file of lines WORD WORD SCORE, or two words.")
    ],
    as_json: Json = False,
) -> None:
    """Compare cosines with people's judgements of similarity (Spearman's correlation), or give the cosine of two words.

    \b
    Examples:
      lexgrad similarity runs/word2vec-wiki-1 wordsim353.tsv --json
      lexgrad similarity runs/word2vec-wiki-1 coast shore
    """
    from lexgrad.cli.vectors import run_similarity

    run_similarity(vectors, items, Output(as_json=as_json))


def export(
    *,
    vectors: Vectors,
    to: Annotated[str, value("FORM", "[b]word2vec[/] (binary), [b]word2vec-text[/], or [b]glove[/].", "--to")],
    out: Annotated[Path | None, value("FILE", "Where to; .gz is gzipped; else the run's name.")] = None,
    as_json: Json = False,
) -> None:
    """Write a model's word embeddings as a file that other tools load: gensim, spaCy, fastText and lexgrad itself.

    \b
    Examples:
      lexgrad export runs/word2vec-wiki-1 --to word2vec
      lexgrad export runs/ffnn-train-1 --to word2vec-text --out words.vec.gz
    """
    from lexgrad.cli.vectors import run_export

    run_export(vectors, to, out, Output(as_json=as_json))


COMMANDS: tuple[Callable[..., None], ...] = (neighbors, analogy, similarity, export)
