"""Builders of graphs: initialisers, activations, layers, losses, optimisers, schedules."""
