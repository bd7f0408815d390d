"""The campaign of elections: contenders on clocks of their own, that are stopped, killed and cut off from etcd.

`python -m tests.simulation.elections --seeds 5000` runs it; `test_elections.py` runs some of it with the tests.
"""
