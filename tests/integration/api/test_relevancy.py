"""The relevancy endpoint over real stores: what it shows, what it says when something is missing."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest

from orchestrator.api import openapi_document
from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import SetAltText
from tests.integration.api.conftest import BUSINESS, OPTIONS, SHA256, VERSION, Away, Stores, degraded, key_of, served

SOURCE = {"image_url": "https://up.example.com/1.jpg", "served_urls": ["https://cdn.example.com/1.jpg"]}
CLIP = {"class": "interior", "class_valid": 1, "quality": 0.7}
CONTENT = {"sha256": SHA256, "width": 640, "height": 480}


async def away(*_: Any) -> Any:
    raise Unavailable("mongo", "no route to host 10.1.2.3")


async def never(*_: Any) -> Any:
    await asyncio.Event().wait()


async def two_pictures(stores: Stores) -> None:
    """One with scores and an enhanced picture, one that the rule set has to place."""
    key = f"enhanced/{SHA256}/r1.jpg"
    enhanced = {"key": key, "width": 1280, "height": 960}
    await stores.know("a", source=SOURCE, content=CONTENT, clip=CLIP, enhanced=enhanced)
    await stores.know("b", source=SOURCE, content={**CONTENT, "sha256": "cd" * 32}, clip={**CLIP, "quality": 0.9})
    await stores.score("a", c204=0.8, c9=0.4)
    await stores.catalogue.set_alt_text(SetAltText(BUSINESS, "a", VERSION, "A <b>chair</b>", "m", "p"))


async def test_scores_come_first_and_every_picture_is_ready_to_be_shown(
    stores: Stores, client: httpx.AsyncClient
) -> None:
    await two_pictures(stores)

    reply = await client.get("/v1/relevancy/SHOP", params={"category_id": " 204", "limit": 5})

    answer = reply.json()
    assert reply.status_code == 200
    assert (answer["business_id"], answer["basis"], answer["degraded"]) == ("shop", "scores", [])
    first, second = answer["dynamic"]
    assert first == {
        "image_id": "a",
        "url": f"/images/enhanced/{SHA256}/r1.jpg",
        "enhanced": True,
        "alt_text": "A <b>chair</b>",
        "width": 1280,
        "height": 960,
        "score": 0.8,
        "basis": "scores",
        "image_class": "interior",
        "quality": 0.7,
    }
    assert (second["image_id"], second["url"], second["enhanced"]) == ("b", "https://cdn.example.com/1.jpg", False)
    assert (second["score"], second["basis"], second["alt_text"], second["width"]) == (None, "rule_set", None, 640)
    assert answer["static"] == first


async def test_the_answer_is_what_the_openapi_document_says(stores: Stores, client: httpx.AsyncClient) -> None:
    await two_pictures(stores)
    document = openapi_document()
    schema = {"$ref": "#/components/schemas/Relevancy", "components": document["components"]}

    answer = (await client.get("/v1/relevancy/shop")).json()

    assert list(jsonschema.Draft202012Validator(schema).iter_errors(answer)) == []
    assert list(jsonschema.Draft202012Validator(schema).iter_errors({**answer, "basis": "luck"}))


async def test_a_picture_that_no_browser_could_load_comes_from_this_api_or_not_at_all(
    stores: Stores, client: httpx.AsyncClient
) -> None:
    private = {"image_url": "s3://uploads/1.jpg", "served_urls": []}
    rendition = {"key": f"renditions/{SHA256}/r2.jpg", "width": 640, "height": 480}
    skipped = {"skipped": "at_target", "source_sha256": SHA256, "rendition": rendition}
    await stores.know("stored", source=private, content=CONTENT, clip=CLIP, enhanced=skipped)
    await stores.know("only-the-original", source=private, content=CONTENT, clip=CLIP)
    await stores.know("nowhere", source={**private, "image_url": "file:///etc/1.jpg"}, clip=CLIP)

    answer = (await client.get("/v1/relevancy/shop")).json()

    assert [(it["url"], it["enhanced"]) for it in answer["dynamic"]] == [(f"/images/renditions/{SHA256}/r2.jpg", False)]


LATER = VERSION.replace("1763683200000", "1763683300000")
OTHER = "cd" * 32


def made_of(sha256: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections that the enhancement flow writes, and those of the relevance flow."""
    content = {**CONTENT, "sha256": sha256}
    enhanced = {"key": f"enhanced/{sha256}/r1.jpg", "width": 1280, "height": 960, "source_sha256": sha256}
    clip = {**CLIP, "class": f"class of {sha256[:2]}", "source_sha256": sha256}
    seo = {"source_sha256": sha256, "alt_text": f"text of {sha256[:2]}"}
    return {"content": content, "enhanced": enhanced}, {"content": content, "clip": clip, "seo": seo}


@pytest.mark.parametrize("first", ["enhancement", "relevance"])
async def test_of_an_image_that_changed_nothing_of_two_contents_is_shown_together(
    stores: Stores, client: httpx.AsyncClient, first: str
) -> None:
    async def enhance(sha256: str, version: str) -> None:
        await stores.know("a", version=version, source=SOURCE, **made_of(sha256)[0])

    async def relate(sha256: str, version: str) -> None:
        await stores.know("a", version=version, source=SOURCE, **made_of(sha256)[1])
        await stores.score("a", version=version, sha256=sha256, c204=0.8)
        text = f"text of {sha256[:2]}"
        await stores.catalogue.set_alt_text(SetAltText(BUSINESS, "a", version, text, "m", "p"))

    async def shown() -> list[tuple[Any, ...]]:
        answer = (await client.get("/v1/relevancy/shop")).json()
        return [(it["url"], it["image_class"], it["alt_text"], it["score"]) for it in answer["dynamic"]]

    def whole(sha256: str) -> list[tuple[Any, ...]]:
        two = sha256[:2]
        return [(f"/images/enhanced/{sha256}/r1.jpg", f"class of {two}", f"text of {two}", 0.8)]

    flows = [enhance, relate] if first == "enhancement" else [relate, enhance]
    for flow in flows:
        await flow(SHA256, VERSION)
    assert await shown() == whole(SHA256)
    await flows[0](OTHER, LATER)
    assert await shown() == []
    await flows[1](OTHER, LATER)
    assert await shown() == whole(OTHER)


async def test_a_business_that_nobody_knows_is_a_404_and_one_without_a_picture_to_show_is_empty(
    stores: Stores, client: httpx.AsyncClient
) -> None:
    await stores.documents.put_catalogue([CatalogueImage(BUSINESS, "a", "https://e.x/1.jpg", valid=False)])

    unknown, empty = await client.get("/v1/relevancy/nobody"), await client.get("/v1/relevancy/shop")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_business")
    assert "nobody" in unknown.json()["detail"]
    assert empty.status_code == 200
    assert (empty.json()["static"], empty.json()["dynamic"], empty.json()["carousel"]) == (None, [], [])


async def test_an_answer_that_has_not_changed_is_a_304(stores: Stores, client: httpx.AsyncClient) -> None:
    await two_pictures(stores)
    first = await client.get("/v1/relevancy/shop")
    tag = first.headers["etag"]

    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.get("/v1/relevancy/shop", headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await stores.score("b", c204=0.9)
    changed = await client.get("/v1/relevancy/shop", headers={"If-None-Match": tag})
    assert changed.status_code == 200 and changed.headers["etag"] != tag
    assert first.headers["cache-control"] == "private, max-age=15"


@pytest.mark.parametrize("gone", [away, never])
async def test_without_relevance_and_alt_texts_the_rule_set_answers_and_says_so(stores: Stores, gone: Any) -> None:
    await two_pictures(stores)
    documents, texts = Away(stores.documents, find_relevance=gone), Away(stores.catalogue, alt_texts_of=gone)
    options = replace(OPTIONS, read_timeout_s=2) if gone is never else OPTIONS
    async with served(degraded(stores, documents=documents, alt_texts=texts), options) as client:
        reply = await client.get("/v1/relevancy/shop", params={"category_id": "204"})
        counted = (await client.get("/metrics", headers=key_of("admin"))).text

    answer = reply.json()
    assert (reply.status_code, answer["basis"], answer["degraded"]) == (200, "rule_set", ["relevance", "alt_texts"])
    assert [it["image_id"] for it in answer["dynamic"]] == ["b", "a"]
    assert {it["alt_text"] for it in answer["dynamic"]} == {None}
    assert reply.headers["cache-control"] == "no-store"
    assert 'justlens_api_degraded_total{part="alt_texts"} 1.0' in counted


async def test_without_metadata_the_catalogue_answers(stores: Stores) -> None:
    await two_pictures(stores)
    listed = CatalogueImage(BUSINESS, "c", "https://e.x/c.jpg", image_class="interior", quality=0.4)
    await stores.documents.put_catalogue([listed])
    async with served(degraded(stores, documents=Away(stores.documents, find_business=away))) as client:
        answer = (await client.get("/v1/relevancy/shop")).json()

    assert answer["degraded"] == ["metadata"]
    assert "c" in [it["image_id"] for it in answer["dynamic"]]


async def test_without_the_catalogue_nothing_is_shown_because_it_alone_knows_what_must_not_be(stores: Stores) -> None:
    await two_pictures(stores)
    async with served(degraded(stores, documents=Away(stores.documents, find_catalogue=away))) as client:
        reply = await client.get("/v1/relevancy/shop")

    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
    assert int(reply.headers["retry-after"]) >= 1
    assert "10.1.2.3" not in reply.text


async def test_a_business_is_not_called_unknown_while_a_store_is_away(stores: Stores) -> None:
    async with served(degraded(stores, documents=Away(stores.documents, find_business=away))) as client:
        assert (await client.get("/v1/relevancy/nobody")).status_code == 503


async def test_a_bug_is_a_500_that_tells_the_client_nothing_but_where_to_look(
    stores: Stores,
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("the secret inside")

    async with served(degraded(stores, documents=Away(stores.documents, find_relevance=broken))) as client:
        reply = await client.get("/v1/relevancy/shop")

    assert (reply.status_code, reply.json()["code"]) == (500, "internal_error")
    assert "secret" not in reply.text and "Traceback" not in reply.text
    assert reply.json()["instance"].replace("-", "").endswith(reply.headers["x-request-id"])
