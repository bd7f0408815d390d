"""How much the actors cost: local and remote messages, spawning and memory, against a floor without any actors.

The floor is what a program would write by hand for that one purpose: an object with a deque and one `call_soon` for a
burst; a raw protocol on a socket with one write for a turn of the loop. It has no names, links, errors or limits.
"""
