"""The simulation campaign: random clusters, random faults, and a checker after every event.

`python -m tests.simulation --seeds 200` runs it; `test_campaign.py` runs some of it with the tests.
"""
