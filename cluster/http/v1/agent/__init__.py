"""Mesos's operator API of an agent."""

from .api import AgentApi

__all__ = ["AgentApi"]
