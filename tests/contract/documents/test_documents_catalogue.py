"""What every document store does with what the catalogue says of images."""

import asyncio
from dataclasses import replace

import pytest

from orchestrator.domain.catalogue.model import CatalogueImage
from orchestrator.domain.errors import JobRefused
from orchestrator.stores.ports import MAX_BUSINESS_IMAGES, Documents

IMAGE = CatalogueImage(
    "b1", "i1", "https://x/$1.png", ("https://cdn/a.b", "https://cdn/2"), "$gold", False, "food.drink", 0.75
)


class TestCatalogue:
    async def test_a_business_the_catalogue_does_not_know_has_no_images(self, documents: Documents) -> None:
        assert await documents.find_catalogue("b1") == {}

    async def test_an_image_comes_back_as_it_was_put(self, documents: Documents) -> None:
        bare = CatalogueImage("b1", "i2", "https://x/2.png")
        await documents.put_catalogue([IMAGE, bare])
        assert await documents.find_catalogue("b1") == {"i1": IMAGE, "i2": bare}

    async def test_the_same_image_again_replaces_itself(self, documents: Documents) -> None:
        await documents.put_catalogue([IMAGE])
        changed = CatalogueImage("b1", "i1", "https://x/new.png")
        await documents.put_catalogue([changed])
        await documents.put_catalogue([changed])
        assert await documents.find_catalogue("b1") == {"i1": changed}

    async def test_of_several_of_one_image_the_last_stands(self, documents: Documents) -> None:
        many = [replace(IMAGE, quality=n / 100) for n in range(100)]
        await documents.put_catalogue(many)
        assert await documents.find_catalogue("b1") == {"i1": many[-1]}

    async def test_no_images_is_no_error(self, documents: Documents) -> None:
        await documents.put_catalogue([])

    async def test_sixty_writers_of_the_same_new_images_lose_none(self, documents: Documents) -> None:
        images = [replace(IMAGE, image_id=f"i{n}") for n in range(20)]
        await asyncio.gather(*(documents.put_catalogue(images) for _ in range(60)))
        assert set(await documents.find_catalogue("b1")) == {image.image_id for image in images}

    async def test_a_whole_catalogue_is_put_at_once(self, documents: Documents) -> None:
        count = MAX_BUSINESS_IMAGES + 3
        await documents.put_catalogue([replace(IMAGE, image_id=f"i{n:05}") for n in range(count)])
        found = await documents.find_catalogue("b1")
        assert list(found) == [f"i{n:05}" for n in range(MAX_BUSINESS_IMAGES)]

    async def test_another_businesss_images_never_appear(self, documents: Documents) -> None:
        alike = ("a", "a.b", "a-b", "a0", "a$", "b")
        await documents.put_catalogue([replace(IMAGE, business_id=business_id) for business_id in alike])
        for business_id in alike:
            found = await documents.find_catalogue(business_id)
            assert [image.business_id for image in found.values()] == [business_id]

    @pytest.mark.parametrize("field", ["image_url", "contract", "image_class", "image_id"])
    async def test_text_that_cannot_be_kept_is_refused_and_nothing_is_put(
        self, documents: Documents, field: str
    ) -> None:
        with pytest.raises(JobRefused) as refusal:
            await documents.put_catalogue([IMAGE, replace(IMAGE, **{"image_id": "i2", field: "half \ud800 a pair"})])
        assert refusal.value.reason.code == "store_refused"
        assert await documents.find_catalogue("b1") == {}
