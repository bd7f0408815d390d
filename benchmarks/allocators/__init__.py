"""How long the allocator decides: whole passes, single events, storms of declines, and policies over a pool.

Agents have 24 cpus, 4 GiB of memory, 4 GiB of disk and a range of ports, which is only counted and makes no share.
They are served in one random order, the same for both engines; the result is who gets what of which agent, as the
engine hands it out. Figures are medians of several rounds after one to warm up, in which numba compiles. Both engines
run by turns in one process, without the garbage collector, for both alike. Before anything is timed both are compared
at small sizes, and in the warm-up round wherever both run.

The reference `plain` is the engine in plain Python at the same size. Without numba there are only its own rows.
"""
