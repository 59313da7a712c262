"""Who may do what: every endpoint with every role, and a route that forgot to say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi.routing import APIRoute

from orchestrator.api import create_app, serve_api
from orchestrator.domain.outcome import PutObject
from tests.integration.api.conftest import OPTIONS, SHA256, Stores, key_of, served

MATRIX: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "matrix.yaml").read_text())
ROLES = [name for name in MATRIX[0] if name != "call"]
JOB = {"to": ["enhance"], "business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
OPEN = replace(OPTIONS, keys=(), open_on_loopback=True)


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_answers_every_role_as_the_matrix_says(
    stores: Stores, client: httpx.AsyncClient, role: str
) -> None:
    await stores.know("front", source={"image_url": "https://e.x/1.jpg", "served_urls": []})
    shown = f"renditions/{SHA256}/0123456789abcdef.png"
    for key in (f"originals/{SHA256}", shown):
        await stores.objects.put(PutObject(key, b"bytes", "image/png"))
    del client.headers["Authorization"]
    seen, wanted = {}, {}
    for row in MATRIX:
        method, path = row["call"].replace("PICTURE", shown).replace("SHA256", SHA256).split(" ")
        body = {"json": JOB} if method == "POST" else {}
        reply = await client.request(method, path, headers=key_of(role), **body)
        seen[row["call"]], wanted[row["call"]] = reply.status_code, row[role]
        assert reply.status_code < 400 or reply.headers["content-type"] == "application/problem+json"
        assert reply.status_code != 401 or reply.headers["www-authenticate"].startswith("Bearer")

    assert seen == wanted


def test_the_matrix_names_every_route(stores: Stores) -> None:
    app = create_app(stores.services, OPTIONS)
    routes = {
        f"{method} {route.path}" for route in app.routes if isinstance(route, APIRoute) for method in route.methods
    }
    named = [row["call"].partition(" ") for row in MATRIX]
    told = {f"{method} /{path.split('/')[1]}" for method, _, path in named}

    assert len(routes) == len(MATRIX)
    assert {f"{route.split('/')[0]}/{route.split('/')[1]}" for route in routes} == told


@pytest.mark.parametrize("header", ["X-API-Key", "x-api-key"])
async def test_a_key_may_come_in_a_header_of_its_own(stores: Stores, client: httpx.AsyncClient, header: str) -> None:
    await stores.know("front", source={"image_url": "https://e.x/1.jpg", "served_urls": []})
    del client.headers["Authorization"]

    assert (await client.get("/v1/relevancy/shop", headers={header: "reader-0123456789"})).status_code == 200


@pytest.mark.parametrize("value", ["Bearer", "Basic cmVhZGVy", "bearer nope", "Bearer \u00e9\u00e9"])
async def test_what_is_no_key_is_refused(client: httpx.AsyncClient, value: str) -> None:
    reply = await client.get("/v1/relevancy/shop", headers={"Authorization": value.encode("latin-1")})

    assert (reply.status_code, reply.json()["code"]) == (401, "no_key")


async def test_without_keys_only_this_machine_under_its_own_name_gets_in(stores: Stores) -> None:
    await stores.know("front", source={"image_url": "https://e.x/1.jpg", "served_urls": []})
    async with served(stores.services, OPEN) as client:
        del client.headers["Authorization"]
        assert (await client.get("/v1/relevancy/shop")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        for foreign in ({"Host": "evil.example"}, {"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}):
            assert (await client.get("/v1/relevancy/shop", headers=foreign)).status_code == 401


async def test_a_route_that_declares_no_scope_is_refused_even_to_an_administrator(stores: Stores) -> None:
    async def forgotten() -> dict[str, bool]:
        return {"secret": True}

    app = create_app(stores.services, OPTIONS)
    app.add_api_route("/v1/forgotten", forgotten)
    server = await serve_api(app, "127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(base_url=server.url) as client:
            reply = await client.get("/v1/forgotten", headers=key_of("admin"))
    finally:
        await server.aclose()

    assert (reply.status_code, reply.json()["code"]) == (403, "wrong_scope")


async def test_a_key_that_asks_too_often_waits_and_the_others_do_not(stores: Stores) -> None:
    async with served(stores.services, replace(OPTIONS, rate_limit=2, rate_window_s=600)) as client:
        replies = [await client.get("/v1/jobs/" + "0" * 32) for _ in range(3)]
        other = await client.get("/v1/jobs/" + "0" * 32, headers=key_of("admin"))

    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["ratelimit"].partition(";t=")[0] for reply in replies] == [
        '"default";r=1', '"default";r=0', '"default";r=0'
    ]  # fmt: skip
    assert replies[0].headers["ratelimit-policy"] == '"default";q=2;w=600'
    assert 590 <= int(replies[2].headers["retry-after"]) <= 600
    assert replies[2].json()["code"] == "too_many_requests"
    assert other.status_code == 200


async def test_only_the_origins_that_are_allowed_may_read_answers(stores: Stores) -> None:
    async with served(stores.services, replace(OPTIONS, cors_origins=("https://shop.example",))) as client:
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        allowed = await client.options("/v1/relevancy/shop", headers={"Origin": "https://shop.example", **asked})
        foreign = await client.options("/v1/relevancy/shop", headers={"Origin": "https://evil.example", **asked})
        answered = await client.get("/v1/relevancy/shop", headers={"Origin": "https://shop.example"})

    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in foreign.headers
    assert "ETag" in answered.headers["access-control-expose-headers"]
