"""The parts of the API that are pure: rates, states of jobs, scopes of routes."""

import pytest
from fastapi import FastAPI

from orchestrator.api.auth import refuse_undeclared, scoped
from orchestrator.api.job_reports import report
from orchestrator.api.limits import RateLimiter
from orchestrator.api.schemas import JobRequest
from orchestrator.api.services import ROADS
from orchestrator.domain.ledger import End, LedgerEntry

SUCCESSORS = {
    "describe": ("tag", "score", "seo"),
    "tag": ("describe",),
    "score": (),
    "seo": (),
    "enhance": ("update",),
    "update": (),
}


async def _endpoint() -> None: ...


def test_a_window_gives_all_requests_back_at_its_end() -> None:
    now = [100.0]
    limiter = RateLimiter(2, 10, clock=lambda: now[0])

    first = [limiter.take("a") for _ in range(3)]
    now[0] += 9.9
    assert not limiter.take("a").granted
    now[0] += 0.1

    assert [it.granted for it in first] == [True, True, False]
    assert [it.remaining for it in first] == [1, 0, 0]
    assert limiter.take("a").granted
    assert limiter.take("b").remaining == 1


@pytest.mark.parametrize(
    ("ends", "state", "awaiting"),
    [
        ({}, "nothing_recorded", ()),
        ({"enhance": "done"}, "in_progress", ("update",)),
        ({"enhance": "done", "update": "done"}, "done", ()),
        ({"enhance": "done", "update": "dead"}, "dead", ()),
        ({"enhance": "dropped"}, "dropped", ()),
        ({"describe": "routed"}, "in_progress", ("describe",)),
        ({"describe": "routed", "tag": "done"}, "in_progress", ("describe",)),
        ({"tag": "done"}, "in_progress", ("describe",)),
        ({"describe": "done"}, "in_progress", ("score", "seo")),
        ({"describe": "done", "tag": "done", "score": "done"}, "in_progress", ("seo",)),
        ({"describe": "done", "tag": "done", "score": "done", "seo": "done"}, "done", ()),
    ],
)
def test_a_job_is_done_when_every_queue_that_follows_has_ended(
    ends: dict[str, End], state: str, awaiting: tuple[str, ...]
) -> None:
    entries = [LedgerEntry("j", queue, end, 1, "b", "i", at, 1.0) for at, (queue, end) in enumerate(ends.items())]

    found = report("j", entries, (), SUCCESSORS)

    assert (found.state, found.awaiting) == (state, awaiting)


def test_a_request_has_exactly_the_fields_of_the_jobs_it_becomes() -> None:
    of_jobs = {name for job_type in ROADS.values() for name in job_type.model_fields}

    assert set(JobRequest.model_fields) == of_jobs - {"schema_", "tagged"} | {"to"}


@pytest.mark.parametrize("kind", ["api", "plain", "mount"])
def test_a_route_without_a_scope_is_refused_at_the_start(kind: str) -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/declared", _endpoint, openapi_extra=scoped("read"))
    refuse_undeclared(app)
    if kind == "api":
        app.add_api_route("/forgotten", _endpoint)
    elif kind == "plain":
        app.add_route("/forgotten", _endpoint)
    else:
        app.mount("/forgotten", FastAPI())

    with pytest.raises(ValueError, match="/forgotten"):
        refuse_undeclared(app)
