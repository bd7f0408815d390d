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

What this cannot hold: a task that runs as our own user and kills both its shim and the zygote with SIGKILL, or asks
a process outside its tree (cron, a container daemon) to run something. That takes cgroups, a PID namespace or
another user.
"""
