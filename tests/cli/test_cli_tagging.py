"""Taggers at the command line: from CoNLL-U to tags below their words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lexgrad.cli.tasks.tagging import TASK
from tests.cli.conftest import Lexgrad

SENTENCES = [
    [("The", "DET"), ("dog", "NOUN"), ("sees", "VERB"), ("the", "DET"), ("cat", "NOUN"), (".", "PUNCT")],
    [("A", "DET"), ("cat", "NOUN"), ("sleeps", "VERB"), (".", "PUNCT")],
    [("Dogs", "NOUN"), ("bite", "VERB"), ("cats", "NOUN"), ("!", "PUNCT")],
] * 4
SETTINGS = "units=8 dimensions=8 affixes=0 character_filters=0 network=window window=0 activation=tanh batch=4"
LEARNING = "learning_rate=0.05 dropout=0 word_dropout=0 patience=30"
SMALL = [f"--set={setting}" for setting in (*SETTINGS.split(), *LEARNING.split())]
pytestmark = pytest.mark.usefixtures("interpreted")


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here hangs on the engine."""
    monkeypatch.setenv("LEXGRAD_ENGINE", "interpreter")


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    """A small file of CoNLL-U; xpos is the first letter of upos."""
    path = tmp_path / "bank.conllu"
    blocks = [
        "".join(f"{i}\t{word}\t_\t{tag}\t{tag[0]}\t_\t_\t_\t_\t_\n" for i, (word, tag) in enumerate(sentence, 1))
        for sentence in SENTENCES
    ]
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def trained(lexgrad: Lexgrad, *options: object) -> str:
    ran = lexgrad("train", "tagger", "bank.conllu", "--epochs", "30", *SMALL, *options, "--json")
    assert ran.code == 0, ran.err
    return str(ran.json()["run"])


def test_train_evaluate_show(lexgrad: Lexgrad, treebank: Path) -> None:
    ran = lexgrad("train", "tagger", treebank, "--dev", treebank, "--test", treebank, "--epochs", "30", *SMALL)
    assert ran.code == 0, ran.err
    assert "sentences/s" in ran.out
    assert "test: accuracy 1.0000, whole sentences 1.0000, macro F1 1.0000, loss" in ran.out
    assert "56 words in 12 sentences" in ran.out
    assert "true \\ predicted" in ran.out
    run = Path("runs/tagger-bank-1")
    evaluated = lexgrad("evaluate", run, treebank, "--json").json()
    assert (evaluated["accuracy"], evaluated["n"], evaluated["unknown_accuracy"]) == (1.0, 56, None)
    shown = lexgrad("show", run)
    assert "DET, NOUN, PUNCT, VERB" in shown.out
    assert lexgrad("evaluate", run, treebank, "--field", "xpos").mistake().count("--field") == 1


def test_a_dev_set_with_other_tags_is_found_before_training(lexgrad: Lexgrad, treebank: Path) -> None:
    other = treebank.with_name("other.txt")
    other.write_text("the\tXX\ndog\tYY\n", encoding="utf-8")
    line = lexgrad("train", "tagger", treebank, "--dev", other, *SMALL, "--out", "r").mistake()
    assert "none of the tags (XX, YY) is one of the model's (DET, NOUN, PUNCT, VERB)" in line
    assert not Path("r").exists()


def test_predict_words_texts_and_files(lexgrad: Lexgrad, treebank: Path) -> None:
    run = trained(lexgrad, "--field", "xpos")
    answer = lexgrad("predict", run, "The dog sleeps.").json()
    assert answer == {"words": ["The", "dog", "sleeps", "."], "tags": ["D", "N", "V", "P"]}
    lines = lexgrad("predict", run, "--file", treebank).out.splitlines()
    assert json.loads(lines[1]) == {"words": ["A", "cat", "sleeps", "."], "tags": ["D", "N", "V", "P"]}
    assert len(lines) == 12
    texts = treebank.with_name("texts.txt")
    texts.write_text("The cat\n\nDogs\n", encoding="utf-8")
    words = [json.loads(line)["words"] for line in lexgrad("predict", run, "--file", texts).out.splitlines()]
    assert words == [["The", "cat"], [], ["Dogs"]]


def test_tags_stand_below_their_words_at_a_terminal() -> None:
    answer = {"words": ["The", "東京", "man"], "tags": ["D", "PROPN", "NOUN"]}
    assert TASK.shown(answer, 80) == "The  東京   man\nD    PROPN  NOUN\n"
    assert TASK.shown(answer, 12) == "The  東京\nD    PROPN\n\nman\nNOUN\n"
    assert TASK.shown({"words": [], "tags": []}, 12) == ""


def test_mistakes(lexgrad: Lexgrad, treebank: Path) -> None:
    assert "did you mean 'xpos'" in lexgrad("train", "tagger", treebank, "--field", "xpo").mistake()
    assert "--label says nothing to this model" in lexgrad("train", "tagger", treebank, "--label", "tag").mistake()
    assert "--field says nothing to this model" in lexgrad("train", "ffnn", treebank, "--field", "upos").mistake()
    treebank.write_text("1\tThe\t_\n", encoding="utf-8")
    assert "bank.conllu: line 1: expected 10 columns" in lexgrad("train", "tagger", treebank).mistake()
