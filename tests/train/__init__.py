"""Tests of the training loop, its metrics and its files."""
