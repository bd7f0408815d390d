"""Who leads: the interface, the embedded default of one master that always does, and etcd."""

from .detecting import detector_for
from .interface import MASTER_ID, Contender, Detector
from .standalone import StandaloneContender, StandaloneDetector

__all__ = ["MASTER_ID", "Contender", "Detector", "StandaloneContender", "StandaloneDetector", "detector_for"]
