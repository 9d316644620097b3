"""The update of word vectors as a program of its own: negative sampling over windows of a corpus."""

from lexgrad.compile.word2vec.layout import Layout
from lexgrad.compile.word2vec.program import Noise, Updates, Window, WordRows

__all__ = ["Layout", "Noise", "Updates", "Window", "WordRows"]
