"""The scripts among the examples do what they say, at a size that takes no time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_shakespeare(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("ROMEO:\nI will be there.\n\n" * 40, encoding="utf-8")
    small = ["--epochs", "2", "--set", "units=8", "--set", "chunk=10", "--set", "batch=4", "--precision", "fp32"]
    command = [sys.executable, str(EXAMPLES / "shakespeare.py"), "text.txt", *small]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    parts = [(tmp_path / "shakespeare" / name).read_text(encoding="utf-8") for name in ("train.txt", "dev.txt")]
    assert len(parts[0]) == 9 * len(parts[1])
    assert "nats per token" in done.stdout
    assert done.stdout.split("$ lexgrad generate", 1)[1].splitlines()[1].startswith("ROMEO:")
