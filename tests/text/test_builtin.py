"""Built-in texts: what they hold, that parts share nothing, and that they can be learnt from."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from lexgrad.errors import InputError
from lexgrad.text import builtin
from lexgrad.text.builtin import builtin_table, splits
from lexgrad.text.builtin_parts import AREAS, DOCSTRINGS_DEV, DOCSTRINGS_TEST, area_of, part_of_module
from lexgrad.text.readers import open_table

PARTS = ("train", "dev", "test")


def texts_of(name: str) -> dict[str, list[str]]:
    return {part: list(open_table(source).texts()) for part, source in splits(name).items()}


def test_splits_name_their_sources() -> None:
    expected = {part: f"builtin:python-docs:{part}" for part in PARTS}
    assert splits("python-docs") == splits("builtin:python-docs") == expected


@pytest.mark.parametrize("name", ["python-docs", "python-docstrings"])
def test_parts_are_disjoint_and_make_up_the_whole(name: str) -> None:
    parts = texts_of(name)
    whole = list(open_table(f"builtin:{name}").texts())
    assert sorted(whole) == sorted(text for part in parts.values() for text in part)
    assert len(set(whole)) == len(whole)
    sizes = [len(parts[part]) for part in PARTS]
    assert all(size > 0.08 * sum(sizes) for size in sizes)
    assert sizes[0] > 0.7 * sum(sizes)


@pytest.mark.parametrize("name", ["python-docs", "python-docstrings"])
def test_texts_are_single_lines_of_real_text(name: str) -> None:
    for row in open_table(f"builtin:{name}"):
        assert row.text == " ".join(row.text.split()) != ""
        assert not re.search(r"[-=*~^]{20}", row.text) or " " in row.text


def test_language_reference_is_text_without_labels() -> None:
    table = open_table("builtin:python-docs")
    words = sum(len(text.split()) for text in table.texts())
    assert words > 40_000
    assert not table.has_labels
    assert any(text.startswith('The "if" statement is used for conditional execution') for text in table.texts())


def test_every_area_is_in_every_part() -> None:
    for part in PARTS:
        counts = Counter(open_table(f"builtin:python-docstrings:{part}").labels())
        assert set(counts) == set(AREAS)
        assert min(counts.values()) >= 20


def test_docstrings_are_many_and_not_too_short() -> None:
    texts = list(open_table("builtin:python-docstrings").texts())
    assert len(texts) > 3000
    assert min(len(re.findall(r"\w+", text)) for text in texts) >= 4


def test_no_docstring_is_in_two_parts_even_roughly() -> None:
    rough = {
        part: {"".join(re.findall(r"\w", text.casefold())) for text in texts}
        for part, texts in texts_of("python-docstrings").items()
    }
    assert not rough["train"] & rough["dev"]
    assert not rough["train"] & rough["test"]
    assert not rough["dev"] & rough["test"]


def test_held_out_modules_have_an_area_and_one_part() -> None:
    dev, test = DOCSTRINGS_DEV.split(), DOCSTRINGS_TEST.split()
    assert not set(dev) & set(test)
    assert len(dev) + len(test) == len(set(dev + test))
    assert all(area_of(module) for module in dev + test)
    families = [family for families in AREAS.values() for family in families.split()]
    assert len(families) == len(set(families))
    library = Path(sysconfig.get_path("stdlib"))
    for module in dev + test:
        if not module.startswith("tkinter"):
            path = library.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("zipfile", "dev"),
        ("zipfile._path.glob", "dev"),
        ("email.message", "dev"),
        ("email.messages", "train"),
        ("email", "train"),
        ("tkinter.ttk", "test"),
    ],
)
def test_the_longest_name_decides(module: str, part: str) -> None:
    assert part_of_module(module) == part


def test_it_can_be_learnt_from() -> None:
    """Nothing but counts of words, and modules never seen: still far above the largest class."""
    train, test = (open_table(f"builtin:python-docstrings:{part}") for part in ("train", "test"))
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LinearSVC())
    model.fit(list(train.texts()), list(train.labels()))
    labels = list(test.labels())
    accuracy = model.score(list(test.texts()), labels)
    assert accuracy > 0.45 > 1.5 * Counter(labels).most_common(1)[0][1] / len(labels)


def test_rows_and_fingerprints_are_the_same_every_time() -> None:
    first, second = (builtin_table("builtin:python-docstrings:dev") for _ in range(2))
    assert list(first) == list(first) == list(second)
    assert first.fingerprint() == second.fingerprint() != builtin_table("builtin:python-docs").fingerprint()
    assert first.position == first.total_bytes == len(first)
    assert [row.number for row in first][:3] == [1, 2, 3]


def test_labels_can_be_left_out() -> None:
    table = open_table("builtin:python-docstrings:dev", label=None)
    assert not table.has_labels
    assert {row.label for row in table} == {None}


def test_no_module_is_imported() -> None:
    code = (
        "import sys; from lexgrad.text.builtin import python_docstrings; python_docstrings();"
        "print(*sorted({'turtle', 'tkinter', 'asyncio', 'unittest', 'antigravity'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
    assert done.stderr == ""


def test_definitions_behind_conditions_count_and_private_ones_do_not(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "try:\n    import x\nexcept ImportError:\n    def a(): 'behind except'\n"
        "else:\n    def b(): 'behind else'\n"
        "if 1:\n    class C:\n        'a class'\n        def d(self): 'a method'\n        def _e(self): 'private'\n"
        "class _F:\n    def g(self): 'of a private class'\n"
        "async def h(): 'a coroutine'\ndef i(): pass\n",
        encoding="utf-8",
    )
    found = builtin._docstrings(path)
    assert found == ["behind else", "behind except", "a class", "a method", "a coroutine"]


def test_unreadable_module_is_named(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def (", encoding="utf-8")
    with pytest.raises(InputError, match="is not Python"):
        builtin._docstrings(path)


def test_python_without_sources_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(InputError, match="without the sources of its library"):
        builtin.python_docstrings.__wrapped__()
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(InputError, match=r"without pydoc_data\.topics"):
        builtin.python_docs.__wrapped__()


def test_sources_are_parsed_once_and_again_when_they_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    module = tmp_path / "json.py"

    def texts() -> list[str]:
        return [example.text for example in builtin.python_docstrings.__wrapped__()]

    module.write_text("def a():\n    'The first of its docstrings.'\n", encoding="utf-8")
    assert texts() == ["The first of its docstrings."]
    with monkeypatch.context() as patch:
        patch.setattr(builtin, "_docstrings", None)
        assert texts() == ["The first of its docstrings."]
    module.write_text("def a():\n    'Another, and a longer one than the first.'\n", encoding="utf-8")
    assert texts() == ["Another, and a longer one than the first."]


def test_unknown_names_are_named() -> None:
    with pytest.raises(InputError, match=r"no built-in text 'python-doc' \(did you mean 'python-docs'\?\)"):
        splits("python-doc")
    with pytest.raises(InputError, match=r"no part 'tset' \(did you mean 'test'\?\); parts are train, dev, test"):
        open_table("builtin:python-docs:tset")
