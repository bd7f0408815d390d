"""Mesos's v1 API over HTTP."""
