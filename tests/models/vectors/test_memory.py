"""How much memory training takes: the two matrices and the words, and little else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = r"""
import json, sys
from pathlib import Path
import lexgrad as lg
from lexgrad.text.packed import trim
from lexgrad.train.run import Run

def status(name):  # bytes
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) * 1024

def learn(text, **more):
    return lg.Word2Vec(dimensions=300, window=2, epochs=1, tokens="spaces", batch=32, threads=1, **more).fit(
        lg.Corpus.open(text), run=Run.create(text + ".run")
    )

folder = Path(sys.argv[1])
(folder / "few").write_text("a b c d\n" * 100)
learn(str(folder / "few"))  # libraries and machine code are there from now on
words, rare = [f"w{i}" for i in range(20_000)], [f"rare{i}" for i in range(30_000)]
with open(folder / "many", "w") as file:
    for turn in range(5):
        for i in range(0, 20_000, 50):
            file.write(" ".join(words[i : i + 50] + rare[turn * 5_000 + i // 4 :][:12]) + "\n")
del words, rare
trim()
before = status("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
model = learn(str(folder / "many"))
taken = status("VmHWM") - before
matrices = sum(array.nbytes for array in model.parameters_.values())
words = sum(map(sys.getsizeof, model.vocabulary_)) + sys.getsizeof(model.vocabulary_) + model.counts_.nbytes
print(json.dumps([taken, matrices + words, len(model.vocabulary_)]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux's /proc")
def test_training_takes_two_matrices_and_the_words_and_a_fifth_at_most(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    taken, needed, words = json.loads(done.stdout)
    assert words == 20_000
    assert taken < 1.2 * needed, f"{taken / 1e6:.1f} MB for {needed / 1e6:.1f}"
