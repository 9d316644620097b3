"""Every test of the compiler has an object cache of its own, in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lexgrad.compile import program


@pytest.fixture(scope="session", autouse=True)
def object_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled objects go to a folder that the tests share, and nowhere else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEXGRAD_CACHE", str(tmp_path_factory.mktemp("objects")))
        patch.delenv("LEXGRAD_CPU", raising=False)
        yield


@pytest.fixture
def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are used however little there is to do, so that small graphs show what large ones would."""
    monkeypatch.setattr(program, "_WORK_OF_A_THREAD", 1)
