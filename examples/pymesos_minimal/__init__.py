"""A scheduler and an executor with PyMesos, as they run on Mesos: see README.md beside this."""
