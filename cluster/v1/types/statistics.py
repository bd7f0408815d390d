"""What containers use."""

from __future__ import annotations

from typing import Annotated

from cluster.v1.schema import Double, Proto, UInt32, UInt64

from .commands import ExecutorInfo
from .containers import CgroupInfo
from .counters import PerfStatistics, SNMPStatistics, TrafficControlStatistics
from .ids import ContainerID, Labels, TaskID
from .values import Resource

__all__ = ["DiskStatistics", "ResourceStatistics", "ResourceUsage"]

PACKAGE = "mesos.v1"


class DiskStatistics(Proto, frozen=True, kw_only=True):
    source: Annotated[Resource.DiskInfo.Source | None, 1] = None
    persistence: Annotated[Resource.DiskInfo.Persistence | None, 2] = None
    limit_bytes: Annotated[UInt64 | None, 3] = None
    used_bytes: Annotated[UInt64 | None, 4] = None


class ResourceStatistics(Proto, frozen=True, kw_only=True):
    timestamp: Annotated[Double, 1]
    processes: Annotated[UInt32 | None, 30] = None
    threads: Annotated[UInt32 | None, 31] = None
    cpus_user_time_secs: Annotated[Double | None, 2] = None
    cpus_system_time_secs: Annotated[Double | None, 3] = None
    cpus_limit: Annotated[Double | None, 4] = None
    cpus_soft_limit: Annotated[Double | None, 45] = None
    cpus_nr_periods: Annotated[UInt32 | None, 7] = None
    cpus_nr_throttled: Annotated[UInt32 | None, 8] = None
    cpus_throttled_time_secs: Annotated[Double | None, 9] = None
    mem_total_bytes: Annotated[UInt64 | None, 36] = None
    mem_total_memsw_bytes: Annotated[UInt64 | None, 37] = None
    mem_kmem_usage_bytes: Annotated[UInt64 | None, 52] = None
    mem_kmem_tcp_usage_bytes: Annotated[UInt64 | None, 53] = None
    mem_limit_bytes: Annotated[UInt64 | None, 6] = None
    mem_soft_limit_bytes: Annotated[UInt64 | None, 38] = None
    mem_file_bytes: Annotated[UInt64 | None, 10] = None
    mem_anon_bytes: Annotated[UInt64 | None, 11] = None
    mem_cache_bytes: Annotated[UInt64 | None, 39] = None
    mem_rss_bytes: Annotated[UInt64 | None, 5] = None
    mem_mapped_file_bytes: Annotated[UInt64 | None, 12] = None
    mem_swap_bytes: Annotated[UInt64 | None, 40] = None
    mem_unevictable_bytes: Annotated[UInt64 | None, 41] = None
    mem_low_pressure_counter: Annotated[UInt64 | None, 32] = None
    mem_medium_pressure_counter: Annotated[UInt64 | None, 33] = None
    mem_critical_pressure_counter: Annotated[UInt64 | None, 34] = None
    disk_limit_bytes: Annotated[UInt64 | None, 26] = None
    disk_used_bytes: Annotated[UInt64 | None, 27] = None
    net_rx_packets: Annotated[UInt64 | None, 14] = None
    net_rx_bytes: Annotated[UInt64 | None, 15] = None
    net_rx_errors: Annotated[UInt64 | None, 16] = None
    net_rx_dropped: Annotated[UInt64 | None, 17] = None
    net_tx_packets: Annotated[UInt64 | None, 18] = None
    net_tx_bytes: Annotated[UInt64 | None, 19] = None
    net_tx_errors: Annotated[UInt64 | None, 20] = None
    net_tx_dropped: Annotated[UInt64 | None, 21] = None
    net_tx_rate_limit: Annotated[UInt64 | None, 46] = None
    net_tx_burst_rate_limit: Annotated[UInt64 | None, 47] = None
    net_tx_burst_size: Annotated[UInt64 | None, 48] = None
    net_rx_rate_limit: Annotated[UInt64 | None, 49] = None
    net_rx_burst_rate_limit: Annotated[UInt64 | None, 50] = None
    net_rx_burst_size: Annotated[UInt64 | None, 51] = None
    net_tcp_rtt_microsecs_p50: Annotated[Double | None, 22] = None
    net_tcp_rtt_microsecs_p90: Annotated[Double | None, 23] = None
    net_tcp_rtt_microsecs_p95: Annotated[Double | None, 24] = None
    net_tcp_rtt_microsecs_p99: Annotated[Double | None, 25] = None
    net_tcp_active_connections: Annotated[Double | None, 28] = None
    net_tcp_time_wait_connections: Annotated[Double | None, 29] = None
    net_traffic_control_statistics: Annotated[tuple[TrafficControlStatistics, ...], 35] = ()
    net_snmp_statistics: Annotated[SNMPStatistics | None, 42] = None
    disk_statistics: Annotated[tuple[DiskStatistics, ...], 43] = ()
    blkio_statistics: Annotated[CgroupInfo.Blkio.Statistics | None, 44] = None
    perf: Annotated[PerfStatistics | None, 13] = None


class ResourceUsage(Proto, frozen=True, kw_only=True):
    class Executor(Proto, frozen=True, kw_only=True):
        class Task(Proto, frozen=True, kw_only=True):
            name: Annotated[str, 1]
            id: Annotated[TaskID, 2]
            resources: Annotated[tuple[Resource, ...], 3] = ()
            labels: Annotated[Labels | None, 4] = None

        executor_info: Annotated[ExecutorInfo, 1]
        allocated: Annotated[tuple[Resource, ...], 2] = ()
        statistics: Annotated[ResourceStatistics | None, 3] = None
        container_id: Annotated[ContainerID, 4]
        tasks: Annotated[tuple[ResourceUsage.Executor.Task, ...], 5] = ()

    executors: Annotated[tuple[ResourceUsage.Executor, ...], 1] = ()
    total: Annotated[tuple[Resource, ...], 2] = ()
