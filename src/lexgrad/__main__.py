"""`python -m lexgrad` is the `lexgrad` command."""

from __future__ import annotations

from lexgrad.cli.main import main

main()
