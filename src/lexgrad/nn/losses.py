"""Losses as graphs: cross-entropy averaged over the batch, class weights, label smoothing, the L2 penalty."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lexgrad import ops
from lexgrad.graph import Node


def classification_loss(logits: Node, labels: Node, weights: Node | None = None, label_smoothing: float = 0.0) -> Node:
    """Mean cross-entropy of a batch, in nats.

    Args:
        logits: (batch,) for a sigmoid output (labels 0 and 1), or (batch, K) for a softmax output.
        labels: class numbers (batch,), int.
        weights: (batch,) or None; each text's loss is multiplied by its weight. The sum is divided by the size of
            the batch, so that weights scale gradients (PyTorch divides by the sum of the weights instead).
        label_smoothing: see ``example_losses``.

    Returns:
        A scalar.
    """
    losses = example_losses(logits, labels, label_smoothing)
    if weights is not None:
        losses = losses * weights
    return ops.mean(losses)


def example_losses(logits: Node, labels: Node, label_smoothing: float = 0.0) -> Node:
    """Cross-entropy of each example (batch,): -log p(label).

    With ``label_smoothing`` ε it is that with a distribution which gives the label 1 - ε and divides ε among all K
    classes, the label's own included: (1 - ε) (-log p(label)) + ε/K Σ_k -log p(k) (Szegedy et al., "Rethinking the
    inception architecture for computer vision", CVPR 2016, section 7; PyTorch's ``label_smoothing``).
    """
    kept = 1.0 - label_smoothing
    if logits.ndim == 1:
        targets = ops.cast(labels, "float")
        return ops.binary_cross_entropy(logits, kept * targets + label_smoothing / 2 if label_smoothing else targets)
    losses = ops.cross_entropy(logits, labels)
    if not label_smoothing:
        return losses
    return kept * losses + label_smoothing * (ops.logsumexp(logits, -1) - ops.mean(logits, -1))


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
