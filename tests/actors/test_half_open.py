"""A peer that is gone without a word: the kernel's heartbeats find it, in a network of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UNSHARE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]


@pytest.mark.parametrize("kind", ["idle", "busy"])
def test_a_connection_whose_cable_is_pulled_ends_its_links(kind: str) -> None:
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network of one's own without root, or user namespaces")
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.actors.half_open", kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "noconnection" in done.stdout, done.stderr
