"""Losses as graphs: cross-entropy averaged over the batch, class weights, the L2 penalty."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lexgrad import ops
from lexgrad.graph import Node


def classification_loss(logits: Node, labels: Node, weights: Node | None = None) -> Node:
    """Mean cross-entropy of a batch, in nats.

    Args:
        logits: (batch,) for a sigmoid output (labels 0 and 1), or (batch, K) for a softmax output.
        labels: class numbers (batch,), int.
        weights: (batch,) or None; each text's loss is multiplied by its weight. The sum is divided by the size of
            the batch, so that weights scale gradients (PyTorch divides by the sum of the weights instead).

    Returns:
        A scalar.
    """
    losses = example_losses(logits, labels)
    if weights is not None:
        losses = losses * weights
    return ops.mean(losses)


def example_losses(logits: Node, labels: Node) -> Node:
    """Cross-entropy of each example (batch,): -log p(label)."""
    if logits.ndim == 1:
        return ops.binary_cross_entropy(logits, ops.cast(labels, "float"))
    return ops.cross_entropy(logits, labels)


def l2_penalty(parameters: Mapping[str, Node], strength: float, penalised: Callable[[str], bool]) -> Node | None:
    """strength / 2 times the sum of squares of the parameters whose name ``penalised`` accepts; None for strength 0.

    Its gradient is strength times the parameter: PyTorch's ``weight_decay`` in every optimiser but AdamW.
    """
    squares = [ops.sum(ops.square(node)) for name, node in parameters.items() if penalised(name)]
    if not strength or not squares:
        return None
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return total * (strength / 2.0)


def negative_sampling(w: Node, positive: Node, negatives: Node) -> Node:
    """-[log σ(w · c_pos) + Σ_k log σ(-w · c_neg_k)], in nats.

    Skip-gram with negative sampling (Mikolov et al., "Distributed representations of words and phrases and their
    compositionality", NIPS 2013, equation 4), its sign turned.

    Args:
        w: the word's vector (d,), or those of several (n, d).
        positive: the vector of the word beside it (d,), or (n, d).
        negatives: vectors of K words of noise (K, d), for all the same.

    Returns:
        A scalar: the sum over the words.
    """
    near = ops.sum(w * positive, axis=-1)
    far = ops.matmul(w, ops.transpose(negatives))
    return ops.sum(ops.softplus(-near)) + ops.sum(ops.softplus(far))
