"""The command line: `lexgrad train`, `evaluate`, `predict`, `show` and `models`."""
