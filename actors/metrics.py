"""What a system tells of itself in numbers. Read when asked for: nothing on the message path pays for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from .upid import UPID

if TYPE_CHECKING:
    from .system import ActorSystem

__all__ = ["SystemMetrics"]


class SystemMetrics(Collector):
    """The metrics of one system. `registry` takes more: an actor's own counters and gauges."""

    def __init__(self, system: ActorSystem) -> None:
        self._system = system
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._sources: dict[UPID, Callable[[], Mapping[str, float]]] = {}

    def add_source(self, actor: UPID, source: Callable[[], Mapping[str, float]]) -> None:
        """Have a snapshot hold more, by names that Prometheus would not take, for as long as the actor lives.

        `source` is called between the turns of actors. One more for the same actor takes the place of the first.
        """
        self._sources[actor] = source

    def remove_actor(self, actor: UPID) -> None:
        """Drop an actor's source."""
        self._sources.pop(actor, None)

    def collect(self) -> Iterable[Metric]:
        """The runtime's own figures."""
        system = self._system
        processes = system.processes()
        yield GaugeMetricFamily("ostrom_actors", "Live actors", len(processes))
        yield GaugeMetricFamily(
            "ostrom_mailbox_messages", "Messages that wait", sum(p.mailbox for p in processes)
        )
        handled = CounterMetricFamily("ostrom_actor_handled", "Messages and turns handled", labels=["actor"])
        for process in processes[:1000]:
            handled.add_metric([process.id], process.handled)
        yield handled
        for name, help_ in (
            ("dead_letters", "Messages that nobody handled"),
            ("handler_failures", "Handlers that raised"),
            ("http_failures", "Handlers of HTTP routes that raised"),
            ("malformed_frames", "Connections closed because of what came over them"),
            ("peers_refused", "Connections to systems that were not let in"),
            ("peers_lost", "Connections to other systems that broke"),
            ("late_replies", "Replies that nobody waited for any more"),
        ):
            yield CounterMetricFamily(f"ostrom_{name}", help_, system.counters[name])

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: registering must not read a system that has not started."""
        return ()

    def exposition(self) -> tuple[bytes, str]:
        """The body and content type of `/metrics`."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def snapshot(self) -> dict[str, float]:
        """Every sample by its name and labels, and what the sources say."""
        values: dict[str, float] = {}
        for metric in self.registry.collect():
            for sample in metric.samples:
                if sample.name.endswith("_created"):
                    continue
                labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
                values[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        for source in self._sources.values():
            values.update(source())
        return values
