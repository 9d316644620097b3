"""Train word vectors with lexgrad and with others: ``python -m bench word2vec``.

Every system learns from the same file of one sentence a line, words between spaces: the Wikipedia articles beside the
checkout, lower-cased, words being ``[a-z]+('[a-z]+)?|[0-9]+``. Skip-gram, window 5, 5 words of noise, minimum count 5,
sample 1e-4, and each system's own learning rate unless --rate is given. Systems run one after the other, round by
round, each in a process of its own. The clock runs while vectors are trained, not while words are counted. Words are
all those of the file, times the epochs. Memory is the most that the process had at a time until the vectors were
trained, Python and libraries included (MB of 10^6 bytes).

How good the vectors are stands beside the speed: Spearman's rank correlation on WordSim-353 and the share of Google's
analogies that come out right. fastText trains plain words (maxn 0); PyTorch has sparse embeddings and plain SGD, in
batches of pairs.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lexgrad.models.vectors.keyed import KeyedVectors
from lexgrad.text.corpus import Corpus
from lexgrad.text.indexed import index

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PATTERN = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9]+")
RATES = {"lexgrad": 0.05, "lexgrad, lock-free": 0.05, "gensim": 0.025, "fasttext": 0.05, "torch": 0.05}
Learned = tuple[list[str], Any, float]  # words, vectors, seconds


def _lexgrad(path: str, o: argparse.Namespace, **more: Any) -> Learned:
    from lexgrad.models import Word2Vec

    corpus = index(Corpus.open(path), tokens="spaces", min_count=5)
    model = Word2Vec(
        dimensions=o.dimensions,
        epochs=o.epochs,
        sample=1e-4,
        learning_rate=o.rate,
        seed=o.seed,
        threads=o.threads,
        **more,
    )
    model.fit(corpus)
    return model.vocabulary_, model.vectors_, model.report_["train_seconds"]


def _lock_free(path: str, o: argparse.Namespace) -> Learned:
    return _lexgrad(path, o, lock_free=True)


def _gensim(path: str, o: argparse.Namespace) -> Learned:
    Word2Vec: Any = importlib.import_module("gensim.models").Word2Vec
    model = Word2Vec(
        vector_size=o.dimensions,
        window=5,
        min_count=5,
        sg=1,
        negative=5,
        sample=1e-4,
        workers=o.threads,
        seed=o.seed,
        alpha=o.rate,
        epochs=o.epochs,
    )
    model.build_vocab(corpus_file=path)
    began = time.perf_counter()
    model.train(
        corpus_file=path,
        total_words=model.corpus_total_words,
        total_examples=model.corpus_count,
        epochs=o.epochs,
    )
    return model.wv.index_to_key, model.wv.vectors, time.perf_counter() - began


def _fasttext(path: str, o: argparse.Namespace) -> Learned:
    fasttext: Any = importlib.import_module("fasttext")
    settings = {"ws": 5, "neg": 5, "minCount": 5, "t": 1e-4, "maxn": 0, "minn": 0, "bucket": 1, "verbose": 0}
    began = time.perf_counter()
    fasttext.train_unsupervised(path, dim=o.dimensions, epoch=0, lr=o.rate, thread=o.threads, **settings)
    counting = time.perf_counter() - began
    began = time.perf_counter()
    model = fasttext.train_unsupervised(path, dim=o.dimensions, epoch=o.epochs, lr=o.rate, thread=o.threads, **settings)
    seconds = time.perf_counter() - began - counting
    words = [word for word in model.get_words() if word != "</s>"]
    return words, np.stack([model.get_word_vector(word) for word in words]), seconds


def _torch(path: str, o: argparse.Namespace) -> Learned:
    torch: Any = importlib.import_module("torch")
    torch.manual_seed(o.seed)
    torch.set_num_threads(o.threads)
    corpus = index(Corpus.open(path), tokens="spaces", min_count=5)
    random, counts = np.random.default_rng(o.seed), corpus.counts
    frequency = counts / counts.sum()
    kept = np.minimum(np.sqrt(1e-4 / frequency) + 1e-4 / frequency, 1)
    noise = torch.multinomial(torch.tensor(counts**0.75), 20_000_000, replacement=True)
    size = len(counts)
    W = torch.nn.Embedding(size, o.dimensions, sparse=True)
    C = torch.nn.Embedding(size, o.dimensions, sparse=True)
    torch.nn.init.uniform_(W.weight, -0.5 / o.dimensions, 0.5 / o.dimensions)
    torch.nn.init.zeros_(C.weight)
    optimiser = torch.optim.SGD([*W.parameters(), *C.parameters()], lr=o.rate)
    sentence = np.repeat(np.arange(len(corpus.texts)), corpus.texts.lengths)
    ids, batch, began = np.asarray(corpus.texts.ids), 4096, time.perf_counter()
    pieces = range(0, len(ids), 1 << 17)
    for epoch in range(o.epochs):
        for number, begin in enumerate(pieces):
            done = (epoch + number / len(pieces)) / o.epochs
            for group in optimiser.param_groups:
                group["lr"] = max(o.rate * (1 - done), 1e-4)
            part = slice(begin, begin + (1 << 17))
            stays = random.random(len(ids[part])) < kept[ids[part]]
            words, owner = ids[part][stays], sentence[part][stays]
            reach = random.integers(1, 6, len(words))
            pairs = []
            for distance in range(1, 6):
                near = np.flatnonzero(owner[:-distance] == owner[distance:])
                pairs.append(np.stack([near, near + distance])[:, reach[near] >= distance])
                pairs.append(np.stack([near + distance, near])[:, reach[near + distance] >= distance])
            centre, beside = torch.tensor(words[random.permutation(np.concatenate(pairs, axis=1).T).T])
            for i in range(0, len(centre), batch):
                positive, word = centre[i : i + batch], beside[i : i + batch]
                drawn = noise[torch.randint(len(noise), (len(word), 5))]
                w = W(word)
                near_scores = (w * C(positive)).sum(1)
                far_scores = torch.bmm(C(drawn), w.unsqueeze(2)).squeeze(2)
                softplus = torch.nn.functional.softplus
                loss = softplus(-near_scores).sum() + softplus(far_scores).sum()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return corpus.vocabulary, W.weight.detach().numpy(), time.perf_counter() - began


SYSTEMS: dict[str, Callable[[str, argparse.Namespace], Learned]] = {
    "lexgrad": _lexgrad,
    "lexgrad, lock-free": _lock_free,
    "gensim": _gensim,
    "fasttext": _fasttext,
    "torch": _torch,
}


def _one(system: str, path: str, o: argparse.Namespace) -> None:
    """What a system's process does: train, measure, print one JSON object."""
    words, vectors, seconds = SYSTEMS[system](path, o)
    memory = _most_memory()
    keyed = KeyedVectors(words, np.ascontiguousarray(vectors, np.float32))
    similar = keyed.evaluate_pairs(DATA / "wordsim" / "EN-WS-353-ALL.txt")["spearman"]
    analogies = keyed.evaluate_analogies(DATA / "analogy" / "questions-words.txt")["accuracy"]
    found = {"system": system, "seconds": seconds, "spearman": similar, "analogies": analogies, "memory": memory}
    print(json.dumps(found))


def _most_memory() -> int | None:
    """The most memory that this process has had, in bytes; None where the system does not say."""
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:
        return None
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _lines(target: Path) -> int:
    """Write the corpus, one paragraph a line; returns how many words it has."""
    count = 0
    with gzip.open(DATA / "wiki" / "wiki-en-5m.txt.gz", "rt", encoding="utf-8") as source, target.open("w") as file:
        for line in source:
            words = PATTERN.findall(line.lower())
            count += len(words)
            if words:
                file.write(" ".join(words) + "\n")
    return count


def main(arguments: list[str]) -> None:
    """Run ``python -m bench word2vec``."""
    parser = argparse.ArgumentParser(
        prog="python -m bench word2vec", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("systems", nargs="*", help=f"of {', '.join(SYSTEMS)}; all that are installed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dimensions", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1, help="each with a seed of its own, from --seed on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, help="learning rate; each system's own if it is not given")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows here")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    o = parser.parse_args(arguments)
    if o.one:
        o.rate = o.rate or RATES[o.one[0]]
        system, path = o.one
        _one(system, path, o)
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        words = _lines(path)
        print(f"{words:,} words, d {o.dimensions}, {o.epochs} epochs, {o.threads} threads")
        print(
            f"  {'system':<20}{'seed':>5}{'seconds':>10}{'words/s':>12}{'WordSim-353':>13}{'analogies':>11}"
            f"{'memory':>8}"
        )
        for turn in range(o.rounds):
            for system in o.systems or SYSTEMS:
                row = _run(system, path, o, o.seed + turn)
                if row is None:
                    print(f"  {system:<20} could not run: is it installed?")
                    continue
                row |= {
                    "seed": o.seed + turn,
                    "words_per_second": words * o.epochs / row["seconds"],
                    "threads": o.threads,
                }
                rows.append(row | {"dimensions": o.dimensions, "epochs": o.epochs})
                print(
                    f"  {system:<20}{row['seed']:>5}{row['seconds']:>10.2f}{row['words_per_second']:>12,.0f}"
                    f"{row['spearman']:>13.4f}{row['analogies']:>11.4f}{(row['memory'] or 0) / 1e6:>5,.0f} MB",
                    flush=True,
                )
    if o.json:
        o.json.write_text(json.dumps(rows, indent=2))


def _run(system: str, path: Path, o: argparse.Namespace, seed: int) -> dict[str, Any] | None:
    options = [f"--{name}={getattr(o, name)}" for name in ("threads", "dimensions", "epochs")] + [f"--seed={seed}"]
    options += [f"--rate={o.rate}"] if o.rate else []
    command = [sys.executable, "-m", "bench", "word2vec", *options, "--one", system, str(path)]
    limits = {name: str(o.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | limits, check=False)
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
