"""Who leads: the interface, the embedded default of one master that always does, and etcd."""

from .detecting import check_master, detector_for, leader_of
from .etcd_contender import DEFAULT_TTL, EtcdContender
from .etcd_detector import EtcdDetector
from .interface import MASTER_ID, Contender, Detector
from .standalone import StandaloneContender, StandaloneDetector

__all__ = [
    "DEFAULT_TTL",
    "MASTER_ID",
    "Contender",
    "Detector",
    "EtcdContender",
    "EtcdDetector",
    "StandaloneContender",
    "StandaloneDetector",
    "check_master",
    "detector_for",
    "leader_of",
]
