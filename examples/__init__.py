"""Frameworks to copy from. Each is a program: `python -m examples.minimal`."""
