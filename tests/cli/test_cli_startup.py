"""What commands import: what takes long to import is imported by those alone that use it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TEXTS = ["good film", "bad film", "a good one", "a bad one", "very good", "very bad"]
LABELS = ["yes", "no"] * 3
SMALL = ["--epochs", "1", "--quiet", "--overwrite"]

TRAINING = {
    "train a classifier": ["train", "logistic", "films.tsv", "--dev", "films.tsv", "--out", "classifier", *SMALL],
    "train a tagger": ["train", "tagger", "films.conllu", "--out", "tagger", *SMALL, "--set", "network=window"],
    "train a language model": ["train", "ngram-lm", "films.txt", "--out", "language", "--quiet", "--overwrite"],
    "train word vectors": ["train", "word2vec", "films.txt", "--out", "vectors", *SMALL, "--set", "min_count=1"],
}
COMPUTING = {
    "evaluate": ["evaluate", "classifier", "films.tsv"],
    "predict": ["predict", "classifier", "a good one"],
    "predict tags": ["predict", "tagger", "a good one"],
    "explain a run": ["explain", "classifier", "--text", "good"],
    "models": ["models", "softmax"],
}
OTHERS = {
    "explain an expression": ["explain", "L = a*b", "--at", "a=2", "--at", "b=3"],
    "show": ["show", "classifier"],
    "perplexity": ["perplexity", "language", "films.txt"],
    "score": ["score", "language", "--file", "films.txt"],
    "generate": ["generate", "language", "--tokens", "3"],
    "neighbors": ["neighbors", "vectors", "good"],
    "similarity": ["similarity", "vectors", "good", "bad"],
    "help": ["tune", "--help"],
    "cache": ["cache"],
}
NEVER = {"sklearn", "scipy", "pandas", "pyarrow", "matplotlib", "optuna", "pydantic"}
NEVER |= {"lexgrad.passes", "lexgrad.compile.making"}  # machine code is in the cache
TO_TRAIN = {"lexgrad.train.loop", "lexgrad.nn.optimisers"}
TO_COMPUTE = {"llvmlite", "lexgrad.compile"}

PROGRAM = """
import contextlib, io, json, sys
from lexgrad.cli.main import main
found = {}
for name, words in json.loads(sys.argv[1]).items():
    before, sys.argv[1:] = set(sys.modules), words
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            assert not end.code, (name, end.code)
    found[name] = sorted(set(sys.modules) - before)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each command imports that those before it have not: the lightest first, when all have been run before."""
    folder = tmp_path_factory.mktemp("startup")
    rows = zip(TEXTS, LABELS, strict=True)
    (folder / "films.tsv").write_text("text\tlabel\n" + "".join(f"{t}\t{y}\n" for t, y in rows), encoding="utf-8")
    (folder / "films.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    tagged = [[f"{n}\t{w}\t_\t{w[-1].upper()}" + "\t_" * 6 for n, w in enumerate(t.split(), 1)] for t in TEXTS]
    (folder / "films.conllu").write_text("".join("\n".join(lines) + "\n\n" for lines in tagged), encoding="utf-8")
    trained_first = {**TRAINING, **COMPUTING, **OTHERS}  # which fills the cache
    for commands in trained_first, {**OTHERS, **COMPUTING, **TRAINING}:
        program = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
        done = subprocess.run(program, capture_output=True, text=True, encoding="utf-8", cwd=folder, check=False)
        assert done.returncode == 0, done.stderr
    return {name: set(names) for name, names in json.loads(done.stdout).items()}


@pytest.mark.parametrize(
    ("commands", "heavy"),
    [(OTHERS, NEVER | TO_TRAIN | TO_COMPUTE), (COMPUTING, NEVER | TO_TRAIN), (TRAINING, NEVER)],
    ids=["others", "computing", "training"],
)
def test_commands_import_what_they_use(imported: dict[str, set[str]], commands: list[str], heavy: set[str]) -> None:
    found = {command: imported[command] & heavy for command in commands}
    assert found == {command: set() for command in commands}
