"""Health checks and checks of tasks: the rules, the probes, and what carries both out for a task (`Prober`)."""

from .prober import Prober, Resumed
from .probes import ProbeResult, RunCommand, probe
from .rules import CheckState, HealthState, Verdict

__all__ = ["CheckState", "HealthState", "ProbeResult", "Prober", "Resumed", "RunCommand", "Verdict", "probe"]
