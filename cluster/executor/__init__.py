"""Executors: programs of a framework's own that run its tasks on agents."""

from .base import Executor
from .driver import ExecutorDriver, run_executor

__all__ = ["Executor", "ExecutorDriver", "run_executor"]
