"""Taggers: a tag for each word in context."""
