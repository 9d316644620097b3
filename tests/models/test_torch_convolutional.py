"""The convolutional network against PyTorch: the losses of some steps on texts of every length, and the weights."""

from __future__ import annotations

import numpy as np
import pytest

from lexgrad.models import TextCNN

WORDS, STEPS = 1000, 3


def _texts() -> tuple[list[str], list[str]]:
    """Texts of one to thirty words, some of which come again and again."""
    generator = np.random.default_rng(0)
    lengths = [1, 2, 3, *generator.integers(1, 31, 57)]
    every = iter(generator.permutation(WORDS))
    texts = [[f"w{next(every) if i % 2 else generator.zipf(1.5) % 40}" for i in range(n)] for n in lengths]
    rest = [f"w{number}" for number in every]  # so that the table is as large as those of which no gradient is made
    texts += [rest[i : i + 30] for i in range(0, len(rest), 30)]
    return [" ".join(text) for text in texts], ["even" if len(text) % 2 else "odd" for text in texts]


def test_losses_and_weights_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    texts, labels = _texts()
    ours = TextCNN(
        dimensions=64, filters=16, kernels=(2, 3), dropout=0.0, max_norm=None, batch=len(texts), tokens="spaces",
        epochs=STEPS, schedule="constant", seed=3, threads=2,
    ).fit(texts, labels)  # fmt: skip
    first = {
        name: ours.initial(name, shape, ours.encoder_)
        for name, shape in ours.shapes(ours.encoder_, len(ours.classes_)).items()
    }
    p = {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in first.items()}
    theirs = torch.optim.Adadelta(list(p.values()), lr=ours.learning_rate)
    numbers = {word: number for number, word in enumerate(ours.encoder_.tokenizer.vocabulary)}
    ids = [torch.tensor([numbers[word] for word in text.split()]) for text in texts]
    target = torch.tensor([ours.classes_.tolist().index(label) for label in labels])
    losses = []
    for _ in range(STEPS):
        features = []
        for k in (2, 3):
            kernel = p[f"K{k}"].permute(1, 2, 0)  # (filters, width, k)
            answers = [torch.conv1d(p["E"][each].T[None], kernel, p[f"b_K{k}"], padding=k - 1) for each in ids]
            features.append(torch.relu(torch.cat([answer.amax(2) for answer in answers])))
        loss = torch.nn.functional.cross_entropy(torch.cat(features, 1) @ p["W1"] + p["b1"], target)
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        losses.append(loss.item())
    np.testing.assert_allclose([row["loss"] for row in ours.history_], losses, rtol=2e-5)
    for name, value in ours.parameters_.items():
        np.testing.assert_allclose(value, p[name].detach().numpy(), atol=3e-5, err_msg=name)
