"""The Mesos paper's isolation figure: how long an HTTP server answers beside 256 processes that spin.

The server and who asks it are in one container, with most of the processors; those that spin in another, with a tenth
of one. `bare` are all in one session without control groups: in two, Linux itself would hold them apart (autogroup).
The paper: 30 % more with isolation, 550 % without.
"""

from __future__ import annotations

import json
from statistics import median

from benchmarks.report import Row, quantile, row
from isolation import Container, Limits

from .box import Box, opened

__all__ = ["neighbours"]

SPINNING = 256
SERVER = """\
import http.client, http.server, json, subprocess, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 65536
    def do_GET(self):
        body = str(sum(n * n for n in range(20000))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
if sys.argv[2:]:
    subprocess.Popen(["sh", "-c", sys.argv[2]])
client = http.client.HTTPConnection(*server.server_address)
seconds, end = [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    began = time.perf_counter()
    client.request("GET", "/")
    client.getresponse().read()
    seconds.append(time.perf_counter() - began)
    time.sleep(0.002)
print(json.dumps(seconds))
"""
SPIN_ALL = f"for n in $(seq {SPINNING}); do while :; do :; done & done;"


async def neighbours(quick: bool) -> list[Row]:
    """Rows of ratios to the same server alone."""
    seconds, rounds = (1.5, 2) if quick else (5.0, 5)
    alone: list[list[float]] = []
    isolated: list[list[float]] = []
    bare: list[list[float]] = []
    async with opened(groups=True) as held, opened(groups=False) as free:
        for number in range(rounds):
            alone.append(await _latencies(held, f"a{number}", seconds, spinning=False))
            isolated.append(await _latencies(held, f"i{number}", seconds, spinning=True))
            bare.append(await _bare(free, f"b{number}", seconds))
    rows = []
    for name, q in (("p50", 0.5), ("p99", 0.99)):
        base, held_, bare_ = (
            median(quantile(each, q) for each in group) * 1000 for group in (alone, isolated, bare)
        )
        rows += [
            row(f"http_{name}_alone_ms", base, "ms"),
            row(f"http_{name}_ratio_isolated", round(held_ / base, 3), "", at_most=1.3),
            row(f"http_{name}_ratio_bare", round(bare_ / base, 3), ""),
        ]
    return rows


async def _bare(box: Box, id_: str, seconds: float) -> list[float]:
    # It starts them itself, once it has begun: beside them that would take minutes.
    spec = box.spec(id_, "python3", "-c", SERVER, str(seconds), f"{SPIN_ALL} wait")
    server = await box.launcher.launch(spec)
    return await _told(box, id_, server)


async def _latencies(box: Box, id_: str, seconds: float, *, spinning: bool) -> list[float]:
    noise = None
    if spinning:
        spec = box.spec(f"{id_}-spin", "sh", "-c", f"{SPIN_ALL} wait", limits=Limits(cpus=0.1))
        noise = await box.launcher.launch(spec)
    spec = box.spec(id_, "python3", "-c", SERVER, str(seconds), limits=Limits(cpus=1.9))
    server = await box.launcher.launch(spec)
    found = await _told(box, id_, server)
    if noise is not None:
        await noise.destroy()
    return found


async def _told(box: Box, id_: str, server: Container) -> list[float]:
    exit_ = await server.wait()
    if exit_.code != 0:
        raise RuntimeError(f"the server {exit_.describe()}")
    found: list[float] = json.loads((box.path / f"{id_}.out").read_text())
    return found
