"""Time what a trained model says of texts it has not seen, beside PyTorch: python -m bench.predictions [MODEL …]

A model learns SST-2 for an epoch, the tagger every other sentence of the English Web Treebank, whose words are given
to both as a treebank has them; PyTorch's has the same weights and the same words, cut by the same Hugging Face
tokenizer in Rust, and runs under ``inference_mode``. Both go from str to probabilities. "one" is a single text at a
time, as a server gets them: the median over texts in microseconds. "many" is a list of texts (lexgrad's own chunks;
PyTorch's batches of 512, packed where its layers can be, else texts of about the same length filled up): the best of
the rounds in words a second. The systems take turns, and have met the words of the texts before; cnn has the sizes of
Kim 2014. The greatest difference between their probabilities says that both compute the same.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.workloads import sst2, tagging
from lexgrad.models import MODELS

BATCH = 512
ALIKE = 64  # texts of about the same length, which PyTorch is given together
Predict = Callable[[Sequence[Any]], Any]


def logistic(model: Any) -> Predict:
    """PyTorch's logistic regression on counts of words: a bag of weights."""
    import torch

    table = torch.zeros(model.encoder_.tokenizer.size, 1)
    words = model.encoder_.table.words[:, 0].astype(np.int64)
    table[torch.tensor(words), 0] = torch.tensor(model.parameters_["w"])
    bias = float(model.parameters_["b"])
    return packed(model, lambda ids, offsets: torch.nn.functional.embedding_bag(ids, table, offsets, mode="sum") + bias)


def ffnn(model: Any) -> Predict:
    """PyTorch's two layers on the mean of embeddings."""
    import torch

    E, W1, b1, W2, b2 = (torch.tensor(model.parameters_[name]) for name in ("E", "W1", "b1", "W2", "b2"))

    def forward(ids: Any, offsets: Any) -> Any:
        x = torch.nn.functional.embedding_bag(ids, E, offsets, mode="mean")
        return torch.addmm(b2, torch.tanh(torch.addmm(b1, x, W1)), W2)

    return packed(model, forward)


def cnn(model: Any) -> Predict:
    """PyTorch's convolutions over the words of one text, or of padded texts, from the shortest to the longest."""
    import torch

    F, p = torch.nn.functional, {name: torch.tensor(array) for name, array in model.parameters_.items()}
    kernels = {k: p[f"K{k}"].permute(1, 2, 0).contiguous() for k in model.sizes()}

    def forward(ids: Any, lengths: Any) -> Any:
        x = F.embedding(ids, p["E"]).transpose(1, 2)
        if len(ids) > 1:
            x = x * (torch.arange(ids.shape[1]) < lengths[:, None])[:, None]
        features = []
        for k, weights in kernels.items():
            z = F.conv1d(x, weights, p[f"b_K{k}"], padding=k - 1)
            if len(ids) > 1:  # answers to what is behind a text do not count
                z = z.masked_fill((torch.arange(z.shape[2]) >= lengths[:, None] + k - 1)[:, None], float("-inf"))
            features.append(F.relu(z.amax(2)))
        return torch.addmm(p["b1"], torch.cat(features, 1), p["W1"])

    return padded(model, forward)


def lstm(model: Any) -> Predict:
    """PyTorch's LSTM over the words of one text, or of packed sequences."""
    import torch

    p = {name: torch.tensor(array) for name, array in model.parameters_.items()}
    network = torch.nn.LSTM(p["E"].shape[1], model.units, batch_first=True)
    weights = (p["W1"].T, p["U1"].T, p["b1"], torch.zeros_like(p["b1"]))
    for own, value in zip(network.parameters(), weights, strict=True):
        own.data = value.contiguous()
    network.eval()

    def forward(ids: Any, lengths: Any) -> Any:
        x = torch.nn.functional.embedding(ids, p["E"])
        if len(ids) > 1:
            x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return torch.addmm(p["b"], network(x)[1][0][0], p["V"])

    return padded(model, forward)


def dan(model: Any) -> Predict:
    """PyTorch's layers on the mean of embeddings."""
    import torch

    p = {name: torch.tensor(array) for name, array in model.parameters_.items()}

    def forward(ids: Any, offsets: Any) -> Any:
        a = torch.nn.functional.embedding_bag(ids, p["E"], offsets, mode="mean")
        for layer in range(1, model.layers):
            a = torch.relu(torch.addmm(p[f"b{layer}"], a, p[f"W{layer}"]))
        return _of_second(torch.addmm(p[f"b{model.layers}"], a, p[f"W{model.layers}"]))

    return packed(model, forward)


def padded(model: Any, forward: Callable[[Any, Any], Any]) -> Predict:
    """From texts to the probability of the second class, by logits (texts, 2) of word ids filled up with zeros.

    Texts of about the same length go together, so that little is filled up.
    """
    import torch

    tokenizer = model.encoder_.tokenizer.hugging_face

    def predict(texts: Sequence[str]) -> Any:
        with torch.inference_mode():
            if len(texts) == 1:
                ids = torch.tensor([tokenizer.encode(texts[0], add_special_tokens=False).ids])
                return torch.softmax(forward(ids, None), 1)[:, 1].numpy()
            rows = [each.ids for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
            order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
            found = np.empty(len(rows), np.float32)
            for start in range(0, len(rows), ALIKE):
                chosen = order[start : start + ALIKE]
                lengths = torch.tensor([len(rows[row]) for row in chosen])
                ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(rows[row]) for row in chosen], batch_first=True)
                found[chosen] = torch.softmax(forward(ids, lengths), 1)[:, 1].numpy()
            return found

    return predict


def tagger(model: Any) -> Predict:
    """PyTorch's LSTM both ways over what is known of words, whose numbers are looked up by spelling.

    From sentences to the probabilities of tags, (words, K), of those that are given together one behind the other.
    """
    import torch

    F, p = torch.nn.functional, {name: torch.tensor(array) for name, array in model.parameters_.items()}
    network = torch.nn.LSTM(p["W1f"].shape[0], model.units, batch_first=True, bidirectional=True)
    ways = [(p[f"W1{way}"].T, p[f"U1{way}"].T, p[f"b1{way}"], torch.zeros_like(p[f"b1{way}"])) for way in "fb"]
    for own, value in zip(network.parameters(), [value for way in ways for value in way], strict=True):
        own.data = value.contiguous()
    network.eval()
    letters = torch.cat([p["C"], torch.zeros(1, p["C"].shape[1])])  # the last stands around words
    filters = p["F"].view(3, p["C"].shape[1], -1).permute(2, 1, 0).contiguous()
    numbers: dict[str, tuple[int, list[int], list[int]]] = {}

    def numbers_of(word: str) -> tuple[int, list[int], list[int]]:
        found = numbers.get(word)
        if found is None:
            made = model.encoder_.encode([[word]])
            found = numbers[word] = int(made.words[0]), made.affixes[0].tolist(), made.characters.tolist()
        return found

    def known(words: Sequence[str]) -> Any:
        found = [numbers_of(word) for word in words]
        longest = max(len(characters) for *_, characters in found)
        none = len(letters) - 1
        characters = torch.tensor([own + [none] * (longest - len(own)) for *_, own in found])
        fired = F.conv1d(F.embedding(characters, letters).transpose(1, 2), filters, padding=1)
        fired = fired.masked_fill((characters == none)[:, None], float("-inf")).amax(2)
        affixes = F.embedding(torch.tensor([own for _, own, _ in found]), p["A"]).flatten(1)
        own = F.embedding(torch.tensor([word for word, *_ in found]), p["E"])
        return torch.cat([own, affixes, torch.relu(fired + p["bF"])], 1)

    def answer(states: Any) -> Any:
        return torch.softmax(torch.addmm(p["b"], states, p["W"]), 1).numpy()

    def predict(sentences: Sequence[Sequence[str]]) -> Any:
        with torch.inference_mode():
            if len(sentences) == 1:
                return answer(network(known(sentences[0])[None])[0][0])
            order = sorted(range(len(sentences)), key=lambda number: len(sentences[number]))
            found: list[Any] = [None] * len(order)
            for start in range(0, len(order), ALIKE):
                chosen = order[start : start + ALIKE]
                lengths = [len(sentences[number]) for number in chosen]
                x = known([word for number in chosen for word in sentences[number]]).split(lengths)
                packed = torch.nn.utils.rnn.pack_sequence(list(x), enforce_sorted=False)
                states = torch.nn.utils.rnn.unpack_sequence(network(packed)[0])
                for number, rows in zip(
                    chosen, np.split(answer(torch.cat(states)), np.cumsum(lengths)[:-1]), strict=True
                ):
                    found[number] = rows
            return np.concatenate(found)

    return predict


def _of_second(logits: Any) -> Any:
    """Of logits (texts, 2) the one whose σ is the probability of the second class, (texts, 1)."""
    return logits[:, 1:] - logits[:, :1]


def packed(model: Any, forward: Callable[[Any, Any], Any]) -> Predict:
    """From texts to the probability of the second class, by logits (texts, 1) of packed texts."""
    import torch

    tokenizer = model.encoder_.tokenizer.hugging_face

    def predict(texts: Sequence[str]) -> Any:
        with torch.inference_mode():
            if len(texts) == 1:
                rows = [tokenizer.encode(texts[0], add_special_tokens=False).ids]
            else:
                rows = [each.ids for each in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
            ids = torch.tensor([word for row in rows for word in row], dtype=torch.int64)
            lengths = torch.tensor([0, *map(len, rows[:-1])])
            return torch.sigmoid(forward(ids, lengths.cumsum(0))[:, 0]).numpy()

    return predict


Examples = tuple[list[Any], list[Any]]


def texts() -> Examples:
    """SST-2's texts and labels."""
    read = sst2.read()
    return [text for text, _ in read], [label for _, label in read]


def sentences() -> Examples:
    """The treebank's sentences and tags."""
    read = tagging.treebank()
    return [sentence.words for sentence in read], [sentence.tags for sentence in read]


@dataclass(frozen=True)
class Peer:
    """A model's settings here, PyTorch's equal, what they learn from and are asked, and which answers are compared."""

    settings: dict[str, Any]
    build: Callable[[Any], Predict]
    examples: Callable[[], Examples] = texts
    compared: Callable[[Any], Any] = lambda chances: chances[:, 1]


PEERS = {
    "cnn": Peer({}, cnn),
    "lstm": Peer({}, lstm),
    "dan": Peer({}, dan),
    "ffnn": Peer({}, ffnn),
    "logistic": Peer({"features": "counts", "ngrams": 1}, logistic),
    "tagger": Peer({}, tagger, sentences, np.concatenate),
}


def one_at_a_time(predict: Predict, texts: Sequence[str]) -> float:
    """The median of seconds for a text."""
    seconds = []
    for text in texts:
        begun = time.perf_counter()
        predict([text])
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def in_batches(predict: Predict, texts: Sequence[str], size: int) -> float:
    """Seconds for all texts."""
    begun = time.perf_counter()
    for start in range(0, len(texts), size):
        predict(texts[start : start + size])
    return time.perf_counter() - begun


def measure(name: str, rounds: int, threads: int) -> str:
    """One row of the table."""
    peer = PEERS[name]
    X, y = peer.examples()
    test = X[1::2]
    model = MODELS[name](epochs=1, threads=threads, **peer.settings).fit(X[::2], y[::2])
    ours: Predict = lambda texts: peer.compared(model.predict_proba(texts))  # noqa: E731
    systems: dict[str, tuple[Predict, int]] = {"lexgrad": (ours, 1 << 30)}
    try:
        import torch

        torch.set_num_threads(threads)
        systems["PyTorch"] = peer.build(model), BATCH
    except ImportError:
        pass
    latency: dict[str, list[float]] = {system: [] for system in systems}
    seconds: dict[str, list[float]] = {system: [] for system in systems}
    for turn in range(rounds + 1):
        for system, (predict, size) in systems.items():
            found = one_at_a_time(predict, test[turn * 100 : turn * 100 + 300]), in_batches(predict, test, size)
            if turn:  # the first one warms up
                latency[system].append(found[0])
                seconds[system].append(found[1])
    words = sum(len(text.split() if isinstance(text, str) else text) for text in test)
    one = {system: statistics.median(times) * 1e6 for system, times in latency.items()}
    many = {system: words / min(times) / 1e6 for system, times in seconds.items()}
    row = f"{name:<10}{one['lexgrad']:>12.1f}"
    if "PyTorch" not in systems:
        return row + f"{'-':>12}{'-':>8}{many['lexgrad']:>14.2f}"
    gap = float(np.abs(ours(test[:BATCH]) - systems["PyTorch"][0](test[:BATCH])).max())
    row += f"{one['PyTorch']:>12.1f}{one['PyTorch'] / one['lexgrad']:>8.1f}{many['lexgrad']:>14.2f}"
    return row + f"{many['PyTorch']:>12.2f}{many['lexgrad'] / many['PyTorch']:>8.1f}{gap:>12.1e}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.predictions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"some of: {', '.join(PEERS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each system that count")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"{'one: us':<10}{'lexgrad':>12}{'PyTorch':>12}{'ratio':>8}", end="")
    print(f"{'many: M/s':>14}{'PyTorch':>12}{'ratio':>8}{'difference':>12}")
    for name in options.models or PEERS:
        print(measure(name, options.rounds, options.threads), flush=True)


if __name__ == "__main__":
    main()
