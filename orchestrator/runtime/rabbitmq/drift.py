"""What differs between a queue as it should be and as the broker has it: pure decisions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# How a policy meets the argument of the same name in a quorum queue: the smaller number counts, the policy overrules
# the argument, or it is overruled. Source: rabbit_quorum_queue.erl (ra_machine_config, dead_letter_handler).
_SMALLER_COUNTS = ("delivery-limit", "max-length", "max-length-bytes", "message-ttl")
_POLICY_COUNTS = ("expires", "overflow")
_ARGUMENT_COUNTS = ("dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy")
_PROPERTIES = {"type": "quorum", "durable": True, "auto_delete": False}


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which ``queue`` is not what the file says. ``harmless`` ones are worth a look and no more."""

    queue: str
    what: str
    wanted: Any
    found: Any
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.queue}: {self.what} should be {_words(self.wanted)} and is {_words(self.found)}"


def differences(
    name: str, wanted: Mapping[str, str | int], found: Mapping[str, Any] | None, policies: Iterable[Mapping[str, Any]]
) -> list[Difference]:
    """How the queue ``name`` differs from its ``wanted`` arguments.

    ``found`` is the management API's entry, None if there is none; ``policies`` the definitions in force.
    """
    if found is None:
        return [Difference(name, "the queue", "there", None)]
    result = [
        Difference(name, key, value, found.get(key)) for key, value in _PROPERTIES.items() if found.get(key) != value
    ]
    arguments = found.get("arguments") or {}
    for key in sorted({*wanted, *arguments}):
        if wanted.get(key) != arguments.get(key):
            result.append(Difference(name, key, wanted.get(key), arguments.get(key)))
    seen = {difference.what.removeprefix("x-") for difference in result}
    for policy in policies:
        for key, value in sorted(policy.items()):
            argument = wanted.get(f"x-{key}")
            if key not in seen and (effect := _effect(key, argument, value)) != argument:
                seen.add(key)
                result.append(Difference(name, f"{key} (by policy)", argument, effect))
    return result


def exchange_differences(name: str, found: Mapping[str, Any] | None) -> list[Difference]:
    """How the exchange ``name`` differs from a durable topic exchange."""
    if found is None:
        return [Difference(name, "the exchange", "there", None)]
    wanted = {"type": "topic", "durable": True}
    return [Difference(name, key, value, found.get(key)) for key, value in wanted.items() if found.get(key) != value]


def leftovers(wanted: Collection[str], found: Iterable[str], prefix: str) -> list[Difference]:
    """Retry and error queues under our prefix that the file does not mean (any more).

    Messages in an old retry queue still come back to their main queue, if that exists; an old error queue keeps its.
    """
    ours = (f"{prefix}retry.", f"{prefix}error.")
    return [
        Difference(name, "the queue", None, "there", harmless=True)
        for name in sorted(found)
        if name.startswith(ours) and name not in wanted
    ]


def _effect(key: str, argument: str | int | None, policy: Any) -> Any:
    if key in _SMALLER_COUNTS:
        return policy if argument is None else min(argument, policy)
    if key in _POLICY_COUNTS:
        return policy
    if key in _ARGUMENT_COUNTS:
        return policy if argument is None else argument
    return argument


def _words(value: Any) -> str:
    return "absent" if value is None else "''" if value == "" else str(value)
