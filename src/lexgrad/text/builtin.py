"""Text that is on every machine with Python: its language reference, and the docstrings of its library."""

from __future__ import annotations

import ast
import functools
import gc
import hashlib
import json
import re
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lexgrad.cache import cached, told
from lexgrad.errors import InputError, suggest
from lexgrad.text.builtin_parts import AREAS, area_of, part_of_module, part_of_topic
from lexgrad.text.tables import MemoryTable, Row

PREFIX = "builtin:"
PARTS = ("train", "dev", "test")
SHORTEST = 4  # words: "Return self." says nothing about an area


class Example(NamedTuple):
    """A text, its label where it has one, and its part of the set."""

    text: str
    label: str | None
    part: str


def splits(name: str) -> dict[str, str]:
    """Return the sources of the parts: ``{"train": "builtin:NAME:train", "dev": ..., "test": ...}``.

    Raises:
        InputError: there is no built-in text of this name.
    """
    _reader_of(name.removeprefix(PREFIX))
    return {part: f"{PREFIX}{name.removeprefix(PREFIX)}:{part}" for part in PARTS}


def builtin_table(source: str, *, labelled: bool = True) -> MemoryTable:
    """Return the rows of ``builtin:NAME`` or ``builtin:NAME:PART``, where PART is train, dev or test.

    Args:
        source: that name.
        labelled: False leaves labels out; texts that have none have none anyway.

    Raises:
        InputError: an unknown name or part, or a Python without its own sources.
    """
    name, _, part = source.removeprefix(PREFIX).partition(":")
    examples = _reader_of(name)()
    if part and part not in PARTS:
        raise InputError(f"{source}: there is no part {part!r}{suggest(part, PARTS)}; parts are {', '.join(PARTS)}")
    chosen = [each for each in examples if part in ("", each.part)]
    rows = [Row(each.text, each.label if labelled else None, number) for number, each in enumerate(chosen, start=1)]
    return MemoryTable(source, rows, _fingerprint(rows))


@functools.cache
def python_docs() -> tuple[Example, ...]:
    """Return the paragraphs of Python's language reference, one a line of text, without labels.

    They are ``pydoc_data.topics``, what ``help("if")`` prints. Topics quote each other, so each paragraph is given
    once, to the shortest topic that has it; parts are made of whole topics.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise InputError(f"{PREFIX}python-docs: this Python comes without pydoc_data.topics") from error
    owner: dict[str, str] = {}
    for topic in sorted(topics, key=lambda topic: (len(topics[topic]), topic)):
        for paragraph in _paragraphs(topics[topic]):
            owner.setdefault(paragraph, topic)
    by_topic: defaultdict[str, list[Example]] = defaultdict(list)
    for paragraph, topic in owner.items():
        by_topic[topic].append(Example(paragraph, None, part_of_topic(topic)))
    return tuple(example for topic in sorted(by_topic) for example in by_topic[topic])


@functools.cache
def python_docstrings() -> tuple[Example, ...]:
    """Return docstrings of the standard library's public classes, methods and functions, labelled by area.

    The sources are parsed, and no module is imported; what is found is kept on disk, since that takes a second. Modules
    are whole in one part; a docstring that occurs in two modules, give or take case and punctuation, is left out, and
    so are those under 4 words.
    """
    library = Path(sysconfig.get_path("stdlib"))
    modules = list(_modules(library))
    own = told(sorted(Path(__file__).parent.glob("builtin*.py")), Path(__file__).parent)
    key = repr([str(library), told((path for _, path in modules), library), own])
    kept = cached(key, lambda: json.dumps(_examples(library, modules)).encode(), "json")
    return tuple(Example(*each) for each in json.loads(kept))


def _examples(library: Path, modules: list[tuple[str, Path]]) -> list[Example]:
    found: dict[str, tuple[str, str]] = {}  # by its bare words: the text and its module
    shared: set[str] = set()
    for module, path in modules:
        for docstring in _docstrings(path):
            text = " ".join(docstring.split())
            bare = " ".join(re.findall(r"\w+", text.casefold()))
            if bare.count(" ") < SHORTEST - 1:
                continue
            if found.setdefault(bare, (text, module))[1] != module:
                shared.add(bare)
    if not found:
        raise InputError(f"{PREFIX}python-docstrings: this Python comes without the sources of its library ({library})")
    return [
        Example(text, area_of(module), part_of_module(module))
        for bare, (text, module) in found.items()
        if bare not in shared
    ]


_READERS = {"python-docs": python_docs, "python-docstrings": python_docstrings}


def _reader_of(name: str) -> functools._lru_cache_wrapper[tuple[Example, ...]]:
    if name not in _READERS:
        raise InputError(
            f"there is no built-in text {name!r}{suggest(name, _READERS)}; there are "
            f"{' and '.join(PREFIX + known for known in _READERS)}"
        )
    return _READERS[name]


def _fingerprint(rows: Iterable[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.text}\0{row.label}\0".encode())
    return "sha256:" + digest.hexdigest()


_RULE = re.compile(r"[-=+|*~^\s]*")


def _paragraphs(topic: str) -> Iterator[str]:
    """Yield the paragraphs of a topic as one line each, without underlines and the frames of tables."""
    for block in re.split(r"\n\s*\n", topic):
        lines = [line.strip().strip("|") for line in block.splitlines() if not _RULE.fullmatch(line)]
        if paragraph := " ".join(" ".join(lines).split()):
            yield paragraph


def _modules(library: Path) -> Iterator[tuple[str, Path]]:
    """Yield the dotted names and paths of the modules that have an area, in the order of their names."""
    families = sorted(family for families in AREAS.values() for family in families.split())
    for family in families:
        single, package = library / f"{family}.py", library / family
        if single.is_file():
            yield family, single
        for path in sorted(package.rglob("*.py")) if package.is_dir() else ():
            parts = path.relative_to(library).with_suffix("").parts
            if not {"test", "tests"} & set(parts):
                yield ".".join(parts).removesuffix(".__init__"), path


def _docstrings(path: Path) -> list[str]:
    # A syntax tree is garbage as soon as it is read, and the collector would go through it again and again.
    collecting = gc.isenabled()
    gc.disable()
    try:
        tree = ast.parse(path.read_bytes(), str(path))
        return [docstring for node in _public(tree.body) if (docstring := ast.get_docstring(node, clean=False))]
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{PREFIX}python-docstrings: {path} is not Python: {error}") from error
    finally:
        if collecting:
            gc.enable()


_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _public(body: list[ast.stmt]) -> Iterator[_Definition]:
    """Yield the public classes and functions of a body, methods included, also those behind ``if`` and ``try``."""
    for node in body:
        if isinstance(node, _Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)
        elif isinstance(node, ast.If | ast.Try):
            yield from _public(node.body)
            yield from _public(node.orelse)
            for handler in getattr(node, "handlers", ()):
                yield from _public(handler.body)
