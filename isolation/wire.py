"""The owner's side of what launcher, zygote and shims say to each other."""

from __future__ import annotations

import json
import os

from .outcome import Exit
from .setup import Mount, Setup
from .spec import RLIMITS, ContainerSpec
from .zygote.frames import DESTROY, FRAME, HEADER, ORDER, SIGNAL

LIMIT_NAMES = {number: name for name, number in RLIMITS.items()}


def encode_order(spec: ContainerSpec, setup: Setup) -> bytes:
    """Return the frame that has a shim run a command. No field holds a NUL, so that is what separates them."""
    extra = setup.extra()
    fields = [os.fsencode(path) for path in (spec.cwd, spec.stdout, spec.stderr)]
    fields += [os.fsencode(path or "") for path in (spec.stdin, spec.terminal)]
    fields.append(spec.id.encode())
    fields += map(os.fsencode, spec.argv)
    fields += [os.fsencode(f"{name}={value}") for name, value in spec.env.items()]
    fields += [f"{RLIMITS[name]} {soft} {hard}".encode() for name, (soft, hard) in setup.rlimits.items()]
    fields.append(json.dumps(extra).encode() if extra else b"")
    search = "/" not in spec.argv[0]
    header = HEADER.pack(spec.umask, len(spec.argv), len(spec.env), len(setup.rlimits), search)
    body = header + b"\0".join(fields)
    return FRAME.pack(ORDER, len(body)) + body


def encode_signal(number: int) -> bytes:
    """Return the frame that has a shim send a signal."""
    body = str(number).encode()
    return FRAME.pack(SIGNAL, len(body)) + body


def encode_destroy() -> bytes:
    """Return the frame that has a shim kill all of its container."""
    return FRAME.pack(DESTROY, 0)


def describe_stage(stage: str, spec: ContainerSpec, setup: Setup) -> str:
    """Return in words which part of a spec, or of what isolators made of it, a shim had trouble with."""
    if stage.startswith("limit:"):
        name = LIMIT_NAMES[int(stage.removeprefix("limit:"))]
        return f"limit {name} {setup.rlimits[name]}"
    if stage.startswith("group:"):
        return f"control group {setup.groups[int(stage.removeprefix('group:'))]}"
    if stage.startswith("mount:"):
        return _describe_mount(setup.mounts[int(stage.removeprefix("mount:"))])
    if stage.startswith("namespace:"):
        return f"{stage.removeprefix('namespace:')} namespace"
    return {
        "cwd": f"working directory {spec.cwd}",
        "stdout": f"stdout {spec.stdout}",
        "stderr": f"stderr {spec.stderr}",
        "stdin": f"stdin {spec.stdin}",
        "terminal": f"terminal {spec.terminal}",
        "command": f"command {spec.argv[0]}",
        "root": f"root directory {setup.root}",
        "user": f"user {setup.user.uid if setup.user else ''}",
        "seccomp": "filter of system calls",
        "hostname": f"hostname {setup.hostname}",
        "record": "its record in the launcher's state_dir",
    }.get(stage, stage)


def _describe_mount(mount: Mount) -> str:
    what = f"{mount.source} at" if mount.source else f"{mount.kind} at"
    return f"mount of {what} {mount.target}{' read-only' if mount.read_only else ''}"


def decode_exit(status: int, told: bool) -> Exit:
    """Return the end that a status of waitpid() and the word of a shim mean."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return Exit(code=code, signal=None, destroyed=False)
    return Exit(code=None, signal=-code, destroyed=told and -code == 9)
