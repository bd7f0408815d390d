"""Seeds that found something, and what: each is run with the tests, so that it is not found again.

A seed is the story that it was as long as nobody changes what is drawn, in plan.py or anywhere else. What is added to
plans is drawn apart, from another `Random`, so that few seeds become others.
"""

from __future__ import annotations

__all__ = ["FOUND", "TOLERATED"]

FOUND: dict[int, str] = {
    6: "a task was on an agent that never came to the new master: its framework asked once, and was never told",
    10: "who asked while the agent was still to come was never answered",
    12: "the power went, the checkpoint lost its tail: a task that had run was launched again",
    24: "a requeued task was reconciled, told LOST, then placed: KeyError in the library ended the framework",
    32: "STAGING was told after UNREACHABLE: the registration was older than what had been told",
    50: "as 12",
    66: "a submitted task whose Accept was lost with a master: asked after once, never answered",
    67: "GONE was told of a task that had FINISHED: the agent's disk had lost its end with the power",
    74: "the same with FINISHED, after a failover",
    75: "an executor ended between RegisterAgent and AgentRegistered: the master kept its resources for ever",
    108: "the same, of a task group",
    145: "a task that only waited in the library's queue was reconciled, told LOST, and then ran",
    210: "a disk failed, and the next life of an agent was held to what the last had not written down",
    220: "an answer from before a launch was taken for what its framework was told",
    277: "tasks that a master had given up were still on their way to an agent that it offered anew",
    322: "a task killed before it was ever launched was asked after for ever",
    342: "GONE was told after FAILED: with the power the disk lost its end, and the scheduler its memory",
    393: "as 220",
    479: "an end that an agent's disk had lost was never acknowledged: the master kept the task for ever",
    500: "as 342, with LOST after FINISHED",
    522: "a task that ran behind a partition was denied, and then taken for one that was never launched",
    922: "a dropped task was launched once more before its drop was acknowledged: the agent took it for known",
    930: "LOST, then FAILED, to a scheduler that had been started again, after a failover",
    77: "a second launch under the same id was lost, and the agent still told the drop of the first",
    1604: "as 77: the scheduler took the repeated drop for what it was, and waited for ever",
    1910: "as 77",
    2123: "an Accept that came twice, and late: DROPPED after GONE, of what never ran",
    2225: "a kill that waited for a slow disk",
    2297: "a first subscription came late to a new master, and the framework took the id that it was given for it",
    2462: "a dropped task was launched once more before that was acknowledged, refused, and waited for ever",
    2857: "an Accept came again, to a new master whose agents were still to come: DROPPED of what ran",
    4045: "a dropped task was launched once more on a void offer, and told as if it were the first drop again",
    1003: "as 342, with all that was written for three minutes",
    6653: "an agent told GONE, its disk lost that with the power: the master waited for the acknowledgement for ever",
    7128: "a master died while an agent was returning: the next did not know that it had been unreachable",
    8172: "its master and its agent's disk forgot a task together: it was taken for one that was never launched",
    10266: "LOST was told in vain, the task killed, and the next master knew of none: taken for never launched",
    10289: "a late answer about a task that was killed while it waited: UNREACHABLE after DROPPED",
    11992: "a task ended while its executor asked a restarted agent to take it back: the end was never told",
    12161: "an agent that was shut down for maintenance forgot what had finished: taken for never launched",
    12620: "a late answer named a framework that had ended with its connection: it took that id, and was not heard",
    20169: "what was being launched when a machine was taken down was launched once more when it was up",
    4732: "the simulated network left half a connection, with a dead process's unsent words in it",
    20232: "the checker held an agent's process to what the one before had not written down",
    20450: "how a task really ended was told after LOST: an agent's disk and the master had forgotten that",
}

TOLERATED: frozenset[str] = frozenset()
"""Kinds of violations that are counted, and do not fail the campaign: known, and not mended yet."""
