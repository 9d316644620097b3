"""Trains a language model of characters on the first 90 % of a text, measures it on the rest and lets it write.

    python examples/shakespeare.py tinyshakespeare.txt

Files go to a folder `shakespeare` beside you; what follows the text's name goes to `lexgrad train`: `--epochs 1`, or
`--resume` after Ctrl-C.
"""

import subprocess
import sys
from pathlib import Path

SETTINGS = Path(__file__).parent / "settings" / "shakespeare-lstm-lm.toml"


def lexgrad(*arguments):
    print("$ lexgrad", " ".join(f'"{word}"' if " " in word or "\n" in word else word for word in arguments), flush=True)
    done = subprocess.run([sys.executable, "-m", "lexgrad", *arguments], check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def main(text, *more):
    whole = Path(text).read_text(encoding="utf-8")
    folder = Path("shakespeare")
    folder.mkdir(exist_ok=True)
    cut = len(whole) * 9 // 10
    (folder / "train.txt").write_text(whole[:cut], encoding="utf-8", newline="\n")
    (folder / "dev.txt").write_text(whole[cut:], encoding="utf-8", newline="\n")
    run = str(folder / "run")
    parts = [str(folder / "train.txt"), "--dev", str(folder / "dev.txt")]
    lexgrad("train", "lstm-lm", *parts, "--settings", str(SETTINGS), "--out", run, *more)
    lexgrad("generate", run, "--prompt", "ROMEO:", "--tokens", "500", "--temperature", "0.7", "--seed", "1")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
