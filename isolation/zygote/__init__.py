r"""The small process that forks a shim for each container, and the shim itself.

This package is a program: the launcher starts `main` once, in a Python of its own, and it imports nothing but the
standard library and itself. It has one thread and keeps its memory frozen, so that forking it is safe and costs a
fraction of what forking an agent would.

    owner (launcher) -- zygote -- shim -- command
                   \______________/ one socket a container

Zygote and shims are subreapers: whatever loses its parent below a shim becomes the shim's own child, and what loses
its shim becomes the zygote's. So a shim that is told by waitpid() that it has no child left knows that nothing of
its container is left, however its processes forked, changed session or ignored signals.

Three lifelines, each the end of a file: the owner is gone when the control socket ends, the owner has let go of a
container when the container's socket ends, the zygote is gone when the pipe all shims share ends. Each means: kill.

With a state directory the first two mean: wait. The zygote (`lasting`) listens on a socket in that directory, and
lives as long as a shim does; a shim (`lasting_shim`) that runs something waits so long for a new owner, and then
kills. A new owner connects to the zygote and asks for its shims by the numbers that are on record, with a socket for
each, which the zygote hands on through the lifeline that each shim has of its own here. Shims that are not asked for
it kills. That the zygote is gone means kill, as ever: nobody would clean up after the shims.

With a PID namespace there is one process more between shim and command (`init`): orphans become its children, and the
shim's proof is its end, before which the kernel has killed all that is below it.

The record (`journal`) of a container begins before its command is started, by a path that goes away when another
owner takes over (and under a lock, see there), and says the end before the owner hears it. So an owner that takes
over knows all that runs. Nothing is synced: a record has to outlive processes, and what it tells of does not outlive
the kernel.

What this cannot hold: a task that runs as our own user and kills both its shim and the zygote with SIGKILL, or asks
a process outside its tree (cron, a container daemon) to run something. That takes cgroups, a PID namespace or
another user. With a state directory the owner then kills what it still finds, by session, parents and environment
(`isolation.sweep`), which is no proof.
"""
