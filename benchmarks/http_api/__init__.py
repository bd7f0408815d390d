"""Mesos's scheduler API over HTTP: events, calls, memory, and a client that does not read."""
