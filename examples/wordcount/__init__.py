"""Counts the identifiers in Python's own standard library, on a cluster: what `make demo` shows."""
