"""The faces of a derivation: how it is written for a terminal, a page, a paper, a notebook and a program."""
