"""Which queues a pipeline means, and when a queue of the broker is not what it means: pure decisions."""

from typing import Any

import pytest

from orchestrator.config.broker_urls import get_vhost
from orchestrator.config.pipeline import Pipeline
from orchestrator.runtime.rabbitmq.drift import differences, leftovers
from orchestrator.runtime.rabbitmq.policies import effective_policies
from orchestrator.runtime.rabbitmq.topology import definitions, wanted_queues

PIPELINE = Pipeline.model_validate(
    {
        "version": 1,
        "queues": {
            "first": {"stage": "a", "retry_delays_s": [0.5, 30], "delivery_limit": 7, "max_length": 100},
            "second": {"stage": "b", "retry_delays_s": []},
        },
    }
)


def wanted(prefix: str = "") -> dict[str, dict[str, str | int]]:
    return {queue.name: dict(queue.arguments) for queue in wanted_queues(PIPELINE, prefix)}


def test_every_queue_has_its_error_queue_and_one_retry_queue_per_delay() -> None:
    assert list(wanted("blue.")) == [
        "blue.error.first",
        "blue.first",
        "blue.retry.first.500ms",
        "blue.retry.first.30000ms",
        "blue.error.second",
        "blue.second",
    ]


def test_the_main_queue_leads_to_the_error_queue_at_least_once() -> None:
    assert wanted("blue.")["blue.first"] == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "blue.error.first",
        "x-dead-letter-strategy": "at-least-once",
        "x-delivery-limit": 7,
        "x-max-length": 100,
    }


def test_a_retry_queue_leads_back_after_its_delay() -> None:
    assert wanted("blue.")["blue.retry.first.500ms"] == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "blue.first",
        "x-dead-letter-strategy": "at-least-once",
        "x-message-ttl": 500,
    }


def test_a_delivery_limit_leads_only_to_a_queue_where_messages_stay() -> None:
    queues = wanted()
    limited = [each for name, each in queues.items() if "x-delivery-limit" in each and not name.startswith("error.")]
    assert len(limited) == 2
    for arguments in limited:
        target = queues[str(arguments["x-dead-letter-routing-key"])]
        # Named, and beyond reach: RabbitMQ 4 gives a queue that names no limit one of 20.
        assert target == {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 2**31 - 1}


def test_whatever_dead_letters_has_all_that_at_least_once_needs() -> None:
    for arguments in wanted().values():
        if "x-dead-letter-exchange" in arguments:
            assert arguments["x-queue-type"] == "quorum"
            assert arguments["x-overflow"] == "reject-publish"
            assert arguments["x-dead-letter-strategy"] == "at-least-once"
            assert arguments["x-dead-letter-routing-key"] in wanted()


def test_the_definitions_name_vhost_and_every_queue() -> None:
    queues = definitions(PIPELINE, "blue.", "/")["queues"]
    assert {queue["name"]: queue["arguments"] for queue in queues} == wanted("blue.")
    assert {(queue["vhost"], queue["durable"], queue["auto_delete"]) for queue in queues} == {("/", True, False)}


def entry(arguments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"type": "quorum", "durable": True, "auto_delete": False, "arguments": arguments, **changes}


def drift(policy: dict[str, Any], name: str = "first") -> list[str]:
    arguments = wanted()[name]
    return [str(found) for found in differences(name, arguments, entry(arguments), [policy, {}])]


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"max-length": 10}, "first: max-length (by policy) should be 100 and is 10"),
        ({"max-length-bytes": 10}, "first: max-length-bytes (by policy) should be absent and is 10"),
        ({"delivery-limit": 3}, "first: delivery-limit (by policy) should be 7 and is 3"),
        ({"message-ttl": 1000}, "first: message-ttl (by policy) should be absent and is 1000"),
        ({"expires": 1000}, "first: expires (by policy) should be absent and is 1000"),
        ({"overflow": "drop-head"}, "first: overflow (by policy) should be reject-publish and is drop-head"),
    ],
)
def test_a_policy_that_changes_what_the_file_says_is_a_difference(policy: dict[str, Any], says: str) -> None:
    assert drift(policy) == [says]


@pytest.mark.parametrize(
    "policy",
    [
        {"max-length": 100_000},
        {"delivery-limit": 50},
        {"dead-letter-exchange": "elsewhere", "dead-letter-strategy": "at-most-once"},
        {"overflow": "reject-publish"},
        {"queue-leader-locator": "balanced"},
    ],
)
def test_a_policy_that_changes_nothing_is_no_difference(policy: dict[str, Any]) -> None:
    assert drift(policy) == []


def test_a_policy_may_not_add_a_dead_letter_exchange_to_an_error_queue() -> None:
    assert drift({"dead-letter-exchange": "gone"}, "error.first") == [
        "error.first: dead-letter-exchange (by policy) should be absent and is gone"
    ]


def test_a_queue_that_is_not_there_is_one_difference() -> None:
    [found] = differences("first", wanted()["first"], None, [])
    assert str(found) == "first: the queue should be there and is absent"


def test_old_queues_under_our_prefix_are_noted_and_those_of_others_are_not() -> None:
    there = ["blue.first", "blue.retry.first.500ms", "blue.retry.first.9ms", "error.x", "blue.other", "green.retry.x"]
    noted = leftovers(wanted("blue."), there, "blue.")
    assert [(found.queue, found.harmless) for found in noted] == [("blue.retry.first.9ms", True)]


def policy(pattern: str, priority: int = 0, apply_to: str = "queues", **definition: Any) -> dict[str, Any]:
    keys = {key.replace("_", "-"): value for key, value in definition.items()}
    return {"pattern": pattern, "priority": priority, "apply-to": apply_to, "definition": keys}


def test_the_matching_policy_of_highest_priority_is_in_force() -> None:
    policies = [
        policy("^first$", 1, max_length=10),
        policy(".*", 5, max_length=20),
        policy("other", 9, max_length=30),
        policy(".*", 9, "exchanges", max_length=40),
        policy(".*", 9, "classic_queues", max_length=50),
    ]
    assert effective_policies("first", None, policies, [])[0] == {"max-length": 20}


def test_a_policy_for_mirrored_queues_is_not_in_force_at_all() -> None:
    policies = [policy(".*", 1, ha_mode="all", max_length=10), policy(".*", 0, max_length=20)]
    assert effective_policies("first", None, policies, [])[0] == {"max-length": 20}


def test_of_a_policy_and_an_operator_policy_the_smaller_number_counts() -> None:
    now = effective_policies(
        "first", None, [policy(".*", max_length=5, expires=9)], [policy(".*", max_length=7, message_ttl=3)]
    )[0]
    assert now == {"max-length": 5, "expires": 9, "message-ttl": 3}


def test_what_the_queue_reports_counts_even_where_no_policy_seems_to_match() -> None:
    found = {"effective_policy_definition": {"max-length": 1}}
    assert effective_policies("first", found, [policy("(*broken", max_length=2)], []) == [{}, {"max-length": 1}]


@pytest.mark.parametrize(
    ("url", "vhost"),
    [("amqp://h", "/"), ("amqp://h/", "/"), ("amqp://h/%2F", "/"), ("amqp://u:p@h:1/a%20b?heartbeat=3", "a b")],
)
def test_the_vhost_is_read_from_the_url(url: str, vhost: str) -> None:
    assert get_vhost(url) == vhost
