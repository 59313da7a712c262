"""Publishing over HTTP: confirmed or not, and what became of it."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest

from orchestrator.domain.errors import PublishUnconfirmed, Reason, Unavailable, Unroutable
from orchestrator.domain.jobs import EnhanceJob, RelevanceJob
from orchestrator.domain.ledger import DeadLetter, End, LedgerEntry
from orchestrator.runtime.ports import Delivery
from tests.integration.api.conftest import OPTIONS, Stores, degraded, key_of, served

JOB: dict[str, Any] = {"business_id": "Shop", "image_id": 7, "image_url": "https://e.x/1.jpg"}
JOB_ID = "019a9f4e-6d2c-7c3a-9b1e-5f0d8a7c2e41"


@pytest.fixture
def publisher(client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.headers.update(key_of("publisher"))
    return client


async def delivered(stores: Stores, queue: str) -> Delivery:
    subscription = await stores.broker.subscribe(queue)
    delivery = await subscription.next()
    assert delivery is not None
    await stores.broker.ack(delivery)
    await subscription.close()
    return delivery


async def taken(stores: Stores, queue: str) -> bytes:
    return bytes((await delivered(stores, queue)).body)


async def test_a_job_lies_in_every_queue_asked_for_once_the_answer_is_there(
    stores: Stores, publisher: httpx.AsyncClient
) -> None:
    reply = await publisher.post("/v1/jobs", json={**JOB, "to": ["enhance", "relevance"], "image_type": "text"})

    answer = reply.json()
    assert reply.status_code == 202
    assert reply.headers["location"] == f"/v1/jobs/{answer['job_id']}"
    assert answer["queues"] == {"enhance": "image_enhance_process", "relevance": "image_relevance_process"}
    enhance = EnhanceJob.model_validate_json(await taken(stores, "image_enhance_process"))
    relevance = RelevanceJob.model_validate_json(await taken(stores, "image_relevance_process"))
    assert (enhance.job_id, relevance.job_id) == (answer["job_id"], answer["job_id"])
    assert (enhance.business_id, enhance.image_id, enhance.image_type) == ("shop", "7", "text")
    assert enhance.submitted_at == relevance.submitted_at == answer["submitted_at"]


async def test_an_id_of_the_clients_own_is_kept(stores: Stores, publisher: httpx.AsyncClient) -> None:
    sent = {**JOB, "to": ["relevance"], "job_id": JOB_ID.upper(), "prompt": "vision_json"}

    assert (await publisher.post("/v1/jobs", json=sent)).json()["job_id"] == JOB_ID
    job = RelevanceJob.model_validate_json(await taken(stores, "image_relevance_process"))
    assert (job.job_id, job.prompt) == (JOB_ID, "vision_json")


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT_TRACES = [
    (f"00-{TRACE}-00f067aa0ba902b7-01", True),
    (f"00-{TRACE}-00f067aa0ba902b7-00", True),
    (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
    ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", False),
    ("nonsense", False),
    (None, False),
]


async def test_the_callers_trace_goes_on_in_every_message(stores: Stores, publisher: httpx.AsyncClient) -> None:
    for sent, kept in SENT_TRACES:
        headers = {"traceparent": sent} if sent else {}
        (
            await publisher.post("/v1/jobs", json={**JOB, "to": ["enhance", "relevance"]}, headers=headers)
        ).raise_for_status()
        carried = {
            str((await delivered(stores, queue)).headers["traceparent"]) for queue in stores.services.queues.values()
        }

        assert len(carried) == 1 and all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", it) for it in carried), sent
        assert (carried == {sent}) is kept, sent


MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"image_url": "gopher://e.x"}, "image_url", "must start with"),
    ({"image_url": "FILE:///etc/passwd"}, "image_url", "use http, https or s3"),
    ({"served_urls": ["file:///x"]}, "served_urls", "use http, https or s3"),
    ({"image_id": "a/b"}, "image_id", "must not contain a slash"),
    ({"business_id": None}, "business_id", "must be text"),
    ({"to": []}, "to", "at least 1"),
    ({"to": ["enhance", "enhance"]}, "to", "twice"),
    ({"to": ["magic"]}, "to.0", "'enhance' or 'relevance'"),
    ({"to": ["relevance"], "force": True}, "force", "not a field of a job for relevance"),
    ({"prompt": "cat"}, "prompt", "not a field of a job for enhance"),
    ({"forse": True}, "forse", "correct its spelling"),
    ({"tagged": True}, "tagged", "not known here"),
    ({"schema": "justlens.enhance/1"}, "schema", "not known here"),
    ({"submitted_at": 9_999_999_999_999}, "submitted_at", "in the future"),
]


async def test_a_mistake_is_a_422_that_names_the_field_and_the_remedy(
    stores: Stores, publisher: httpx.AsyncClient
) -> None:
    for change, field, remedy in MISTAKES:
        reply = await publisher.post("/v1/jobs", json={**JOB, "to": ["enhance"], **change})

        assert (reply.status_code, reply.json()["code"]) == (422, "invalid"), change
        messages = {it["field"]: it["message"] for it in reply.json()["errors"]}
        assert remedy in messages[field], change
    assert (await stores.broker.depth("image_enhance_process")).total == 0


async def test_every_mistake_is_named_at_once(publisher: httpx.AsyncClient) -> None:
    reply = await publisher.post("/v1/jobs", json={"to": ["enhance"]})

    assert {it["field"] for it in reply.json()["errors"]} == {"business_id", "image_id", "image_url"}
    assert "business_id: is missing; add it" in reply.json()["detail"]


async def test_a_body_that_is_no_object_is_a_422(publisher: httpx.AsyncClient) -> None:
    for body in (b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 60_000, b'"\\ud800"'):
        reply = await publisher.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})

        assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json"), body[:20]


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
async def test_another_content_type_is_a_415(publisher: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    reply = await publisher.post("/v1/jobs", content=b"{}", headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (415, "not_json")


@pytest.mark.parametrize("announced", [True, False])
async def test_five_megabytes_are_refused_and_the_server_lives_on(
    publisher: httpx.AsyncClient, announced: bool
) -> None:
    async def chunks() -> Any:
        for _ in range(5):
            yield b" " * 2**20

    headers = {"Content-Type": "application/json"}
    try:
        sent = b" " * 5 * 2**20 if announced else chunks()
        reply = await publisher.post("/v1/jobs", content=sent, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    except (httpx.WriteError, httpx.ReadError):
        pass  # the server hung up before all of it was sent
    assert (await publisher.get("/livez")).status_code == 200


async def unconfirmed(*_: Any) -> None:
    raise PublishUnconfirmed("broker", "amqp://user:secret@10.1.2.3")


async def test_a_publish_that_is_not_confirmed_is_a_503_with_the_id_to_repeat(stores: Stores) -> None:
    async def half(queue: str, job: Any, traceparent: str) -> None:
        if queue == "image_relevance_process":
            raise Unavailable("broker")
        await stores.services.publish(queue, job, traceparent)

    for publish, confirmed in ((unconfirmed, []), (half, ["enhance"])):
        async with served(degraded(stores, publish=publish)) as client:
            sent = {**JOB, "to": ["enhance", "relevance"]}
            reply = await client.post("/v1/jobs", json=sent, headers=key_of("publisher"))
        problem = reply.json()
        assert (reply.status_code, problem["code"], problem["confirmed"]) == (503, "unconfirmed", confirmed)
        assert problem["job_id"] in problem["detail"]
        assert "secret" not in reply.text
        assert int(reply.headers["retry-after"]) >= 1


async def test_a_job_that_is_surely_not_there_is_not_called_unconfirmed(stores: Stores) -> None:
    async def no_queue(queue: str, *_: Any) -> None:
        raise Unroutable("rabbitmq", f"there is no queue {queue}")

    async def away(*_: Any) -> None:
        raise Unavailable("rabbitmq", "amqp://user:secret@10.1.2.3 refused")

    for publish, words in ((no_queue, "topology apply"), (away, "the broker is not available")):
        async with served(degraded(stores, publish=publish)) as client:
            reply = await client.post("/v1/jobs", json={**JOB, "to": ["enhance"]}, headers=key_of("publisher"))
        assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
        assert words in reply.json()["detail"] and "secret" not in reply.text


async def test_a_silent_broker_does_not_hold_the_client_up(stores: Stores) -> None:
    async def silent(*_: Any) -> None:
        await asyncio.Event().wait()

    async with served(degraded(stores, publish=silent), replace(OPTIONS, publish_timeout_s=0.2)) as client:
        async with asyncio.timeout(10):
            reply = await client.post("/v1/jobs", json={**JOB, "to": ["enhance"]}, headers=key_of("publisher"))

    assert reply.json()["unconfirmed"] == ["enhance"]


async def test_a_road_that_this_deployment_does_not_have_is_a_422(stores: Stores) -> None:
    async with served(degraded(stores, queues={"enhance": "image_enhance_process"})) as client:
        reply = await client.post("/v1/jobs", json={**JOB, "to": ["relevance"]}, headers=key_of("publisher"))

    assert "no queue for 'relevance'" in reply.json()["detail"]


def entry(queue: str, outcome: End, reason: Reason | None = None) -> LedgerEntry:
    return LedgerEntry(JOB_ID, queue, outcome, 1, "shop", "7", 1_763_683_200_000, 12.5, reason)


async def test_a_job_can_be_followed_from_queue_to_queue(stores: Stores, client: httpx.AsyncClient) -> None:
    async def state() -> tuple[str, list[str]]:
        answer = (await client.get(f"/v1/jobs/{JOB_ID}")).json()
        return answer["state"], answer["awaiting"]

    assert await state() == ("nothing_recorded", [])
    await stores.documents.record_job(entry("image_enhance_process", "done"))
    assert await state() == ("in_progress", ["image_enhance_update"])
    await stores.documents.record_job(entry("image_enhance_update", "done"))
    assert await state() == ("done", [])


async def test_a_dead_job_says_why_without_the_inside_of_the_program(stores: Stores, client: httpx.AsyncClient) -> None:
    reason = Reason("not_an_image", "the bytes are no picture", "Traceback: secret")
    queue = "image_enhance_process"
    await stores.documents.record_job(entry(queue, "dead", reason))
    await stores.documents.index_dead_letter(
        DeadLetter(queue, JOB_ID, reason, 1, 0, 1, 2, json.dumps(JOB).encode(), {}, JOB_ID, "shop", "7")
    )

    reply = await client.get(f"/v1/jobs/{JOB_ID}")

    answer = reply.json()
    assert (answer["state"], answer["business_id"], answer["image_id"]) == ("dead", "shop", "7")
    assert answer["ends"][0]["reason"] == {"code": "not_an_image", "message": "the bytes are no picture"}
    assert [(it["queue"], it["died_at"]) for it in answer["dead_letters"]] == [(queue, 2)]
    assert "Traceback" not in reply.text
