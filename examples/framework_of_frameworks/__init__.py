"""A framework that starts frameworks: docs/patterns/framework-of-frameworks.md says what for, and how to try it."""
