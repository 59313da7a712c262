"""What is shown of an image, and what of it is about the content that is current."""

from typing import Any

import pytest

from orchestrator.domain.catalogue.model import AltText, AltTextSource
from orchestrator.domain.display import Candidate, Display, current_alt_text, find_display, is_of
from tests.kit.ranking import candidate, listed

CONTENT = {"sha256": "b", "width": 10, "height": 8}
ENHANCED = {"key": "enhanced/b/1.png", "width": 40, "height": 32, "source_sha256": "b"}
RENDITION = {"key": "renditions/b/2.png", "width": 10, "height": 8}
SKIPPED = {"skipped": "at_target", "source_sha256": "b", "rendition": RENDITION}
WEB = {"image_url": "https://x/1.png", "served_urls": ["https://cdn/1.png"]}
PRIVATE = {"image_url": "s3://bucket/1.png", "served_urls": []}


def shown(**sections: Any) -> Display | None:
    return find_display(candidate("1", **{"source": WEB, "content": CONTENT, **sections}))


def test_the_enhanced_image_of_the_current_content_is_shown_in_its_size() -> None:
    assert shown(enhanced=ENHANCED) == Display("enhanced/b/1.png", True, True, 40, 32)
    assert shown(enhanced=ENHANCED, source=PRIVATE) == Display("enhanced/b/1.png", True, True, 40, 32)


def test_of_an_image_that_was_not_enlarged_its_rendition_is_shown() -> None:
    assert shown(enhanced=SKIPPED) == Display("renditions/b/2.png", True, False, 10, 8)


@pytest.mark.parametrize("enhanced", [ENHANCED, SKIPPED, {**SKIPPED, "rendition": None}])
def test_an_enhancement_of_another_content_is_not_shown_and_nothing_in_its_place(enhanced: dict[str, Any]) -> None:
    assert shown(enhanced={**enhanced, "source_sha256": "a"}) is None


@pytest.mark.parametrize("enhanced", [{}, {"skipped": "animated", "source_sha256": "b", "rendition": None}])
def test_without_a_rendition_the_web_address_is_shown_in_the_originals_size(enhanced: dict[str, Any]) -> None:
    assert shown(enhanced=enhanced) == Display("https://cdn/1.png", False, False, 10, 8)
    assert shown(enhanced=enhanced, content={}) == Display("https://cdn/1.png", False, False, None, None)


def test_our_own_copy_of_the_original_is_never_shown() -> None:
    assert shown(source=PRIVATE) is None
    assert shown(source={"image_url": "file:///1.png", "served_urls": []}) is None


def test_addresses_are_tried_from_the_served_ones_to_the_originals() -> None:
    catalogue = listed("1", served_urls=("s3://own/1.png", "HTTPS://own/1.png"))
    assert find_display(candidate("1", catalogue=catalogue, source=WEB)) == Display(
        "HTTPS://own/1.png", False, False, None, None
    )
    assert find_display(candidate("1", catalogue=listed("1"), source={"image_url": "https://y/1.png"})) == Display(
        "https://x/1.png", False, False, None, None
    )
    only_scored = Candidate("1", None, {}, {"url": "https://z/1.png"}, None)
    assert find_display(only_scored) == Display("https://z/1.png", False, False, None, None)


def test_what_does_not_say_what_it_was_made_of_is_taken_to_be_of_the_current_content() -> None:
    assert [is_of({"source_sha256": source}, {"sha256": "b"}) for source in ("b", None, "a")] == [True, True, False]
    assert is_of({"source_sha256": "a"}, {})


@pytest.mark.parametrize(
    ("source", "seo", "kept"),
    [
        ("model", {"version": "2", "source_sha256": "b"}, True),
        ("model", {"version": "2", "source_sha256": "a"}, False),
        ("model", {"version": "3", "source_sha256": "b"}, False),
        ("model", {}, True),
        ("human", {"version": "2", "source_sha256": "a"}, True),
    ],
)
def test_a_models_alt_text_is_shown_beside_the_content_it_was_made_of(
    source: AltTextSource, seo: dict[str, str], kept: bool
) -> None:
    text = AltText("acme", "1", "A chair", source, "2")
    assert current_alt_text(text, {"content": CONTENT, "seo": seo}) == ("A chair" if kept else None)
    assert current_alt_text(None, {}) is None
