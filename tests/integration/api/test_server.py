"""The server itself: health, metrics, hostile requests, its documentation, and its end."""

import asyncio
import re
import signal
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from orchestrator.api import create_app, openapi_document, serve_api
from orchestrator.domain.errors import ConfigurationError, Unavailable
from tests.integration.api.conftest import OPTIONS, Stores, degraded, key_of, served


async def away() -> None:
    raise Unavailable("anything")


async def test_it_is_ready_while_its_first_dependency_answers(stores: Stores, client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).json() == {"live": True}
    everything = {"documents": True, "objects": True, "sql": True}
    assert (await client.get("/readyz")).json() == {"ready": True, "checks": everything}
    for name, status in (("sql", 200), ("documents", 503)):
        async with served(degraded(stores, pings={**stores.services.pings, name: away})) as other:
            reply = await other.get("/readyz")
        assert (reply.status_code, reply.json()["checks"]) == (status, {**everything, name: False})


async def test_metrics_count_by_template_and_never_by_what_a_client_made_up(client: httpx.AsyncClient) -> None:
    for path in ("/v1/relevancy/one", "/v1/relevancy/two", "/no/such/page", "/images/nothing"):
        await client.get(path)
    await client.request("PROPFIND", "/livez")

    text = (await client.get("/metrics", headers=key_of("admin"))).text

    counted = 'justlens_api_requests_total{method="GET",route="/v1/relevancy/{business_id}",status="404"} 2.0'
    assert counted in text
    assert 'route="unmatched",status="404"} 1.0' in text
    assert 'method="other",route="/livez",status="405"} 1.0' in text
    assert 'justlens_api_request_seconds_count{route="/v1/relevancy/{business_id}"} 2.0' in text
    assert "/no/such" not in text and "one" not in re.findall(r'route="[^"]*"', text)


HOSTILE = [
    ("GET", "/v1/relevancy/a%20b", 422),
    ("GET", "/v1/relevancy/%00", 422),
    ("GET", "/v1/relevancy/%E2%80%A8", 422),
    ("GET", "/v1/relevancy/" + "x" * 129, 422),
    ("GET", "/v1/relevancy/%2e%2e", 422),
    ("GET", "/v1/relevancy/a%2Fb", 404),
    ("GET", "/v1/relevancy/%F0%9F%98%80", 404),
    ("GET", "/v1/relevancy/'%3B%20DROP", 422),
    ("GET", "/v1/relevancy/%24where", 404),
    ("GET", "/v1/relevancy/shop?limit=1e9", 422),
    ("GET", "/v1/relevancy/shop?limit=1000000000", 422),
    ("GET", "/v1/relevancy/shop?limit=0", 422),
    ("GET", "/v1/relevancy/shop?limit=-1", 422),
    ("GET", "/v1/relevancy/shop?limit=" + "9" * 5000, 422),
    ("GET", "/v1/relevancy/shop?limitt=3", 422),
    ("GET", "/v1/relevancy/shop?category_id=", 422),
    ("GET", "/v1/relevancy/shop?category_id=" + "x" * 129, 422),
    ("GET", "/v1/relevancy", 404),
    ("GET", "/v1/jobs/nonsense", 422),
    ("DELETE", "/v1/jobs", 405),
    ("PUT", "/v1/relevancy/shop", 405),
    ("PROPFIND", "/livez", 405),
    ("GET", "/nothing", 404),
    ("GET", "/openapi.yaml", 404),
]


async def test_a_verb_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    # By httptools as no HTTP at all, by h11, where that is not installed, as a method that is not allowed.
    assert (await client.request("BREW", "/livez")).status_code in (400, 405)
    assert (await client.get("/livez")).status_code == 200


async def test_a_hostile_request_is_a_problem_with_a_remedy(client: httpx.AsyncClient) -> None:
    for method, path, status in HOSTILE:
        reply = await client.request(method, path)

        problem = reply.json()
        assert (reply.status_code, problem["status"]) == (status, status), path
        assert reply.headers["content-type"] == "application/problem+json", path
        assert problem["type"] == f"/docs#{problem['code']}" and problem["title"] and problem["detail"], path
        assert "Traceback" not in reply.text and len(reply.text) < 4000, path
        assert status != 405 or reply.headers["allow"], path
        assert status != 422 or problem["errors"][0]["field"], path


async def test_the_openapi_document_is_valid_and_its_examples_are_what_its_schemas_say(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()

    validate(document)
    assert document == openapi_document()
    checked = 0
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"] and operation["description"]
            bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
            for schema, example in (pair for body in bodies for pair in _examples(body)):
                whole = {**schema, "components": document["components"]}
                jsonschema.Draft202012Validator(whole).validate(example)
                checked += 1
    assert checked > 30


def _examples(body: Any) -> Any:
    for content in body.get("content", {}).values():
        shown = [content["example"]] if "example" in content else []
        for example in shown + [it["value"] for it in content.get("examples", {}).values()]:
            yield content.get("schema", {}), example


async def test_every_keyed_operation_documents_the_errors_of_the_gate() -> None:
    for path, operations in openapi_document()["paths"].items():
        for operation in operations.values():
            keyed = {"401", "403", "429"} <= operation["responses"].keys()
            assert keyed == bool(operation["security"]) == (operation["x-scope"] != "public"), path


async def test_the_documentation_is_one_page_that_asks_nothing_of_anybody(client: httpx.AsyncClient) -> None:
    reply = await client.get("/docs")

    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    outside = re.findall(r"""(?:src|href)=["'](?!#|/)[^"']*|@import|url\(""", reply.text)
    assert outside == []
    for operations in openapi_document()["paths"].values():
        for operation in operations.values():
            assert f'<article id="{operation["operationId"]}">' in reply.text
    for code in ("unknown_business", "unconfirmed"):
        assert f'id="{code}"' in reply.text


async def test_a_port_in_use_is_a_mistake_of_the_configuration(stores: Stores) -> None:
    app = create_app(stores.services, OPTIONS)
    first = await serve_api(app, "127.0.0.1", 0)
    try:
        with pytest.raises(ConfigurationError, match="JUSTLENS_API_PORT"):
            await serve_api(app, "127.0.0.1", int(first.url.rpartition(":")[2]))
    finally:
        await first.aclose()


async def _until_refused(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await client.get("/livez", headers={"Connection": "close"})
            except httpx.TransportError:
                return


async def test_closing_lets_a_request_finish_takes_no_new_ones_and_leaves_signals_alone(stores: Stores) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> Any:
        reached.set()
        await go_on.wait()
        return {}

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    app = create_app(degraded(stores, alt_texts=type("Slow", (), {"alt_texts_of": staticmethod(slow)})()), OPTIONS)
    server = await serve_api(app, "127.0.0.1", 0)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
    async with httpx.AsyncClient(base_url=server.url, headers=key_of("reader")) as client:
        asked = asyncio.create_task(client.get("/v1/relevancy/nobody"))
        await reached.wait()
        closing = asyncio.create_task(server.aclose())
        async with httpx.AsyncClient(base_url=server.url) as other:
            await _until_refused(other)
        go_on.set()
        assert (await asked).status_code == 404
        await closing
    await server.aclose()
