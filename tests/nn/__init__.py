"""Tests of layers, initialisers, optimisers and schedules."""
