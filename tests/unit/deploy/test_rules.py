"""The rules notice what they are there for."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.deploy.composing import filled, merged
from tests.unit.deploy.rules import allowed, file_problems, service_problems


@pytest.fixture(scope="module")
def everything() -> Any:
    return merged(filled())


WRONG: list[Mapping[str, Any]] = [
    {"image": "rabbitmq"},
    {"image": "rabbitmq:latest"},
    {"image": "minio/minio:v1.2"},
    {"restart": None},
    {"healthcheck": {}},
    {"stop_grace_period": None},
    {"profiles": []},
    {"logging": {}},
    {"deploy": {}},
    {"security_opt": []},
    {"privileged": True},
    {"build": {"context": "."}},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_a_service_that_breaks_a_rule(everything: Any, change: Mapping[str, Any]) -> None:
    service = everything["services"]["rabbitmq"]
    assert list(service_problems("rabbitmq", service)) == []
    assert list(service_problems("rabbitmq", {**service, **change}))


BROKEN: list[Mapping[str, Any]] = [
    {"depends_on": {"nobody": {"condition": "service_started"}}},
    {"depends_on": {"topology": {"condition": "service_healthy"}}},
    {"depends_on": {"mongo": {"condition": "service_completed_successfully"}}},
    {"networks": ["nowhere"]},
    {"volumes": ["nothing:/x"]},
]


@pytest.mark.parametrize("change", BROKEN, ids=str)
def test_services_that_do_not_fit_together(everything: Any, change: Mapping[str, Any]) -> None:
    services = {**everything["services"], "api": {**everything["services"]["api"], **change}}
    assert list(file_problems({**everything, "services": services}))


def test_a_file_that_the_build_does_not_see() -> None:
    assert allowed("*\n!a/b\n", "a/b/c")
    assert not allowed("*\n!a/b\n", "a/bc")
    assert not allowed("!a\n", "a")
