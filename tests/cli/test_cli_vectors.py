"""`lexgrad neighbors`, `analogy`, `similarity`, `export` and `plot vectors`, on a file and on a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lexgrad as lg
from lexgrad.text.vector_files import write_vectors
from lexgrad.text.vectors import read_vectors
from tests.cli.conftest import Lexgrad

WORDS = ["king", "queen", "man", "woman", "apple"]
MATRIX = np.array([[4, 1, 0], [4, -1, 0], [1, 2, 0], [1, -2, 0], [0, 0.1, 2]], np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_vectors(tmp_path / "v.vec", WORDS, MATRIX, "word2vec-text")
    return tmp_path / "v.vec"


def test_neighbors(lexgrad: Lexgrad, file: Path) -> None:
    done = lexgrad("neighbors", file, "King", "apple", "-n", "2", "--json")
    found = done.json()["neighbors"]
    assert list(found) == ["King", "apple"]
    assert found["King"][0] == {"word": "queen", "cosine": pytest.approx(15 / 17)}
    assert len(found["apple"]) == 2
    assert "queen" in lexgrad("neighbors", file, "king").out


def test_an_unknown_word_is_a_mistake_with_near_spellings(lexgrad: Lexgrad, file: Path) -> None:
    for command in (["neighbors", file, "quene"], ["analogy", file, "man", "king", "quene"], ["plot", "vectors", file,
                    "king", "quene"], ["similarity", file, "king", "quene"]):  # fmt: skip
        assert "no vector of 'quene' (did you mean 'queen'?)" in lexgrad(*command).mistake()


def test_analogy(lexgrad: Lexgrad, file: Path, tmp_path: Path) -> None:
    answers = lexgrad("analogy", file, "man", "king", "woman", "--json").json()["answers"]
    assert answers[0]["word"] == "queen"
    questions = tmp_path / "q.txt"
    questions.write_text(": royal\nMan King Woman Queen\nman king woman apple\n: other\nman king boy prince\n")
    found = lexgrad("analogy", file, "--file", questions, "--json").json()
    assert found["sections"]["royal"] == {"accuracy": 0.5, "correct": 1, "questions": 2, "missing": 0}
    assert found["sections"]["other"]["accuracy"] is None
    assert "royal" in lexgrad("analogy", file, "--file", questions).out
    assert "three words" in lexgrad("analogy", file, "man", "king").mistake()
    assert "or a --file" in lexgrad("analogy", file, "man", "--file", questions).mistake()


def test_similarity(lexgrad: Lexgrad, file: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "p.tsv"
    pairs.write_text("king\tqueen\t9\nman\twoman\t3\nking\tapple\t1\nking\tcar\t2\n")
    found = lexgrad("similarity", file, pairs, "--json").json()
    assert found == {"spearman": pytest.approx(0.5), "pairs": 3, "missing": 1}
    assert "over 3 pairs (1 more without a vector)" in lexgrad("similarity", file, pairs).out
    assert lexgrad("similarity", file, "king", "queen", "--json").json()["similarity"] == pytest.approx(15 / 17)
    assert "there is no such file" in lexgrad("similarity", file, "king").mistake()
    assert "one file of pairs, or two words" in lexgrad("similarity", file, "king", "queen", "man").mistake()


def test_a_run_with_embeddings_is_exported(lexgrad: Lexgrad, films: Path) -> None:
    assert lexgrad("train", "ffnn", films, "--out", "run", "--epochs", "1", "--set", "features=embeddings").code == 0
    done = lexgrad("export", "run", "--to", "word2vec", "--json").json()
    assert done["file"] == "run.bin"
    model = lg.load("run")
    for form, name in (("word2vec", "run.bin"), ("word2vec-text", "run.vec"), ("glove", "other.txt.gz")):
        assert lexgrad("export", "run", "--to", form, *(["--out", name] if "other" in name else [])).code == 0
        read = read_vectors(name)
        assert read.words == model.encoder_.tokenizer.vocabulary
        assert np.array_equal(read.matrix, model.parameters_["E"])
    assert "lovely" in lexgrad("neighbors", "run", "warm", "-n", "50").out


def test_mistakes_about_runs(lexgrad: Lexgrad, films: Path, file: Path) -> None:
    lexgrad("train", "logistic", films, "--out", "run", "--epochs", "1")
    assert "no word embeddings" in lexgrad("neighbors", "run", "film").mistake()
    assert "there is no such file" in lexgrad("neighbors", "gone", "film").mistake()
    assert "no form 'gloves' (did you mean 'glove'?)" in lexgrad("export", file, "--to", "gloves").mistake()


def test_a_picture(lexgrad: Lexgrad, file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'lexgrad[plot]'")
    assert (
        lexgrad("plot", "vectors", file, "King", "queen", "man", "--out", "w.svg", "--json").json()["file"] == "w.svg"
    )
    assert (tmp_path / "w.svg").stat().st_size > 1000
    assert "at least two; got king" in lexgrad("plot", "vectors", file, "king").mistake()


def test_all_of_a_built_in_text_is_learned_from(lexgrad: Lexgrad) -> None:
    assert lexgrad("train", "word2vec", "builtin:python-docs", "--epochs", "1", "--quiet").code == 0
    assert "file" in lexgrad("neighbors", str(Path("runs/word2vec-python-docs-1")), "file", "-n", "3").out
