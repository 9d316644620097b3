"""Which version this is: said here, where every room may read it without asking the installer's records."""

__version__ = "0.1.0"
