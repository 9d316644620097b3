"""Encoders: what turns texts, tables of numbers or a person's own functions into the inputs of a graph."""
