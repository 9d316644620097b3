"""Benchmarks: one workload, several systems, equal arithmetic. ``python -m bench --help`` explains itself."""
