"""What a browser is shown of an image, and which of the things known of the image are about just that.

An image may change under its id: the enhancement flow and the relevance flow then come to the new content at different
times. ``content`` names the content that is current; whatever was made of another one is left out of every answer, so
that an enhancement, tags, scores and an alt text of two contents are never shown together.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.catalogue.model import AltText, CatalogueImage

Section = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of one image: the catalogue's word, the sections of its metadata document, its stored relevance
    and its alt text. None, or no sections, for what is not known."""

    image_id: str
    catalogue: CatalogueImage | None
    metadata: Mapping[str, Any]
    relevance: Mapping[str, Any] | None
    alt_text: str | None


@dataclass(frozen=True, slots=True)
class Display:
    """Where a browser gets an image: ``address`` is a key of the object store if ``stored``, else a URL on the web.
    ``width`` and ``height`` are its pixels there, None while nobody has measured it."""

    address: str
    stored: bool
    enhanced: bool
    width: int | None
    height: int | None


def find_display(candidate: Candidate) -> Display | None:
    """Return what is shown of an image, or None when there is nothing that may be shown.

    - The enhanced image, or the rendition of an image that was not enlarged, of the current content.
    - Nothing, when the last enhancement is of another content: an address on the web may serve that one still.
    - Where enhancing made no rendition, or has not seen the image yet: the first address on the web, those it is served
      under before the original's. Our own copy of the original is never shown: it holds all that the publisher sent.
    """
    enhanced, content = _section(candidate, "enhanced"), _section(candidate, "content")
    if not is_of(enhanced, content):
        return None
    rendition = enhanced if "key" in enhanced else enhanced.get("rendition") or {}
    if key := rendition.get("key"):
        return Display(str(key), True, "skipped" not in enhanced, rendition.get("width"), rendition.get("height"))
    url = next((url for url in _addresses(candidate) if url.lower().startswith(("https://", "http://"))), None)
    return Display(url, False, False, content.get("width"), content.get("height")) if url else None


def only_current(candidate: Candidate) -> Candidate:
    """Return the candidate without tags and scores that were made of another content than the current one."""
    content = _section(candidate, "content")
    tagged, scored = is_of(_section(candidate, "clip"), content), is_of(candidate.relevance or {}, content)
    if tagged and scored:
        return candidate
    metadata = candidate.metadata if tagged else {**candidate.metadata, "clip": {}}
    return replace(candidate, metadata=metadata, relevance=candidate.relevance if scored else None)


def current_alt_text(alt_text: AltText | None, metadata: Mapping[str, Any]) -> str | None:
    """Return the alt text if it is about the current content: a person's always, a model's by the record of its making.

    The record is the section ``seo`` of the same version. One of a newer version found no text for what is current.
    """
    if alt_text is None:
        return None
    made = metadata.get("seo") or {}
    if alt_text.source == "human" or not made:
        return alt_text.alt_text
    of_this_version = made.get("version") in (None, alt_text.version)
    return alt_text.alt_text if of_this_version and is_of(made, metadata.get("content") or {}) else None


def is_of(made: Section, content: Section) -> bool:
    """Whether ``made`` was made of this content. What does not say so is taken to be."""
    source, current = made.get("source_sha256"), content.get("sha256")
    return source is None or current is None or source == current


def _section(candidate: Candidate, name: str) -> Section:
    section: Section = candidate.metadata.get(name) or {}
    return section


def _addresses(candidate: Candidate) -> Iterator[str]:
    catalogue, source = candidate.catalogue, _section(candidate, "source")
    yield from catalogue.served_urls if catalogue else ()
    yield from source.get("served_urls") or ()
    originals = (
        catalogue.image_url if catalogue else None,
        source.get("image_url"),
        (candidate.relevance or {}).get("url"),
    )
    yield from (str(url) for url in originals if url)
