"""The compiled loop: the same decisions as `PlainCore`, over arrays. Needs numba; `ArrayCore` calls it."""
