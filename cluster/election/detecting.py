"""From what people write as `--master` to a detector."""

from __future__ import annotations

from actors import UPID, parse_address

from .interface import MASTER_ID, Detector
from .standalone import StandaloneDetector

__all__ = ["detector_for"]


def detector_for(master: str | UPID) -> Detector:
    """The detector for what people write as `--master`: HOST:PORT. ValueError naming the text."""
    if isinstance(master, UPID):
        return StandaloneDetector(master)
    if "://" in master:
        scheme = master.partition("://")[0]
        raise ValueError(f"master {master!r}: {scheme}:// is not supported, use HOST:PORT")
    return StandaloneDetector(UPID.at(MASTER_ID, parse_address(master)))
