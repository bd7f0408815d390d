"""The beginning of the zygote."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys

from .killing import Killer
from .lasting import LastingZygote
from .linux import PR_SET_CHILD_SUBREAPER, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, prctl
from .server import Zygote
from .signals import IGNORED


def main() -> int:
    """Be the zygote; in its forks, be a shim. Return the exit code."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN if number in (*IGNORED, signal.SIGPIPE) else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir("/")
    os.umask(0o022)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_NAME, b"ostrom-zygote")
    if os.geteuid() != 0:
        # A task that became another user by a set-user-ID program could not be killed by us.
        prctl(PR_SET_NO_NEW_PRIVS, 1)
    scan = not os.path.exists(f"/proc/self/task/{os.getpid()}/children")
    gc.disable()
    gc.freeze()
    owner, killer, lasting = int(sys.argv[2]), Killer(scan), sys.argv[3:]
    if lasting:
        zygote: Zygote = LastingZygote(control, owner, killer, lasting[0], lasting[1], float(lasting[2]))
    else:
        zygote = Zygote(control, owner, killer)
    shim = zygote.serve()
    return shim.run() if shim else 0
