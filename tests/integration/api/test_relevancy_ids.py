"""Ids in the paths of the API: the same form as in jobs and in the catalogue."""

import httpx
import pytest

from orchestrator.domain.catalogue.model import CatalogueImage
from tests.integration.api.conftest import Stores


@pytest.mark.parametrize(
    ("path", "business"),
    [
        ("a%252fb", "a%2fb"),
        ("caf%C3%A9", "caf\u00e9"),
        ("CAFE%CC%81", "caf\u00e9"),
        ("a%3Fb%23c%26d=e", "a?b#c&d=e"),
        ("%C4%B0STANBUL", "i\u0307stanbul"),
        ("%24where.a.b", "$where.a.b"),
        ("9007199254740993", "9007199254740993"),
        ("%F0%9F%8D%95" * 128, "\U0001f355" * 128),
    ],
)
async def test_a_business_is_found_by_every_spelling_of_its_id(
    stores: Stores, client: httpx.AsyncClient, path: str, business: str
) -> None:
    image = CatalogueImage(business, "x%00y", "https://up.example.com/1.jpg", image_class="storefront", quality=0.9)
    await stores.documents.put_catalogue([image])

    reply = await client.get(f"/v1/relevancy/{path}")

    assert (reply.status_code, reply.json()["business_id"]) == (200, business)
    assert reply.json()["static"]["image_id"] == "x%00y"


@pytest.mark.parametrize("path", ["a%2fb", "17%E2%80%8B", "gpj.%E2%80%AE71", "o'brien%3B%20drop", "%F0%9F%A7%81" * 129])
async def test_an_id_that_no_job_can_have_is_refused_here_too(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(f"/v1/relevancy/{path}")
    assert reply.status_code in (404, 422) and reply.json()["code"] in ("invalid", "not_found")
    query = await client.get("/v1/relevancy/shop", params={"category_id": "17\u200b"})
    assert query.status_code == 422 and "U+200B" in query.text
