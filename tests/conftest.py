"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run: a test that fails by luck helps nobody, and no test is timed.
settings.register_profile(
    "lexgrad", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("lexgrad")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def object_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled objects go to a folder of this run, in subprocesses too, and not into the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEXGRAD_CACHE", str(tmp_path_factory.mktemp("objects")))
        patch.delenv("LEXGRAD_CPU", raising=False)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real text data beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the text data in {SHARED_DATA}")
    return SHARED_DATA
