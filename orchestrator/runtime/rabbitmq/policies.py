"""Which policies are in force for a queue: pure decisions over what the management API lists.

Source: rabbit_policy.erl. Of the policies that fit the queue's type and whose pattern matches its name, the one of
highest priority counts; an operator policy is merged over it, and of two numbers the smaller one wins.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_FOR_QUORUM_QUEUES = ("all", "queues", "quorum_queues")
# One of these keys makes a whole policy inapplicable to quorum queues. Source: rabbit_quorum_queue.erl, capabilities.
_NEVER_FOR_QUORUM_QUEUES = frozenset(
    {
        "ha-mode",
        "ha-params",
        "ha-promote-on-failure",
        "ha-promote-on-shutdown",
        "ha-sync-mode",
        "initial-cluster-size",
        "max-age",
        "max-priority",
        "queue-master-locator",
        "queue-mode",
        "single-active-consumer",
        "stream-max-segment-size-bytes",
    }
)


def effective_policies(
    name: str,
    found: Mapping[str, Any] | None,
    policies: Sequence[Mapping[str, Any]],
    operator_policies: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The policy definitions to hold the queue ``name`` against: the one in force now, and the one it last reported.

    A queue reports its policy some seconds late, so what is configured is worked out here. What it reports is looked
    at all the same: the broker's regular expressions are not quite Python's.
    """
    now = _merge(_winner(name, policies), _winner(name, operator_policies))
    reported = (found or {}).get("effective_policy_definition")
    return [now, dict(reported) if isinstance(reported, Mapping) else {}]


def _winner(name: str, policies: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    matching = [policy for policy in policies if _matches(name, policy)]
    return max(matching, key=lambda policy: policy.get("priority", 0))["definition"] if matching else {}


def _matches(name: str, policy: Mapping[str, Any]) -> bool:
    if (
        policy.get("apply-to", "all") not in _FOR_QUORUM_QUEUES
        or _NEVER_FOR_QUORUM_QUEUES & policy["definition"].keys()
    ):
        return False
    try:
        return re.search(policy["pattern"], name) is not None
    except re.error:
        return False


def _merge(user: Mapping[str, Any], operator: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(user)
    for key, value in operator.items():
        mine = merged.get(key)
        merged[key] = min(mine, value) if isinstance(mine, int) and isinstance(value, int) else value
    return merged
