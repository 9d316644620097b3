"""Language models: the probability of a token given those before it, and text drawn from it."""
