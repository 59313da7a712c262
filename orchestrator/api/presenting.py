"""From what the stores know of a business to what the relevancy endpoint answers: pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.api.schemas import Part, Picture, Relevancy
from orchestrator.domain.catalogue import AltText, CatalogueImage
from orchestrator.domain.enhancement import original_key
from orchestrator.domain.ranking import Candidate, Item, rank

IMAGES = "/images/"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the images of a business, by image id each."""

    catalogue: Mapping[str, CatalogueImage]
    metadata: Mapping[str, Mapping[str, Any]]
    relevance: Mapping[str, Mapping[str, Any]]
    alt_texts: Mapping[str, AltText]

    @property
    def nothing(self) -> bool:
        """Whether nobody knows of the business. Alt texts alone do not count: they outlive their image."""
        return not (self.catalogue or self.metadata or self.relevance)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a browser gets a picture, and its size there in pixels, None when not known."""

    url: str
    enhanced: bool
    width: int | None
    height: int | None


def relevancy(
    business_id: str, known: Known, *, category_id: str | None, limit: int, degraded: tuple[Part, ...]
) -> Relevancy:
    """The answer. A picture that no browser could load (only an s3:// or file:// address) takes no part in it."""
    candidates = {candidate.image_id: candidate for candidate in _candidates(known)}
    sources = {image_id: source for image_id, it in candidates.items() if (source := source_of(it)) is not None}
    ranked = rank((candidates[image_id] for image_id in sources), category_id=category_id, limit=limit)

    def picture(item: Item) -> Picture:
        return _picture(item, sources[item.image_id])

    return Relevancy(
        business_id=business_id,
        category_id=category_id,
        basis=ranked.basis,
        static=picture(ranked.static) if ranked.static else None,
        dynamic=tuple(map(picture, ranked.dynamic)),
        carousel=tuple(map(picture, ranked.carousel)),
        degraded=degraded,
    )


def _candidates(known: Known) -> Iterator[Candidate]:
    for image_id in sorted({*known.catalogue, *known.metadata, *known.relevance}):
        alt_text = known.alt_texts.get(image_id)
        yield Candidate(
            image_id=image_id,
            catalogue=known.catalogue.get(image_id),
            metadata=known.metadata.get(image_id, {}),
            relevance=known.relevance.get(image_id),
            alt_text=alt_text.alt_text if alt_text else None,
        )


def source_of(candidate: Candidate) -> Source | None:
    """The enhanced picture from this API, else a web address it is served under, else the stored original."""
    enhanced, content = candidate.metadata.get("enhanced") or {}, candidate.metadata.get("content") or {}
    if enhanced.get("key"):
        return Source(IMAGES + str(enhanced["key"]), True, enhanced.get("width"), enhanced.get("height"))
    size = (content.get("width"), content.get("height"))
    url = next((url for url in _addresses(candidate) if url.lower().startswith(("https://", "http://"))), None)
    if url is None and content.get("sha256"):
        url = IMAGES + original_key(str(content["sha256"]))
    return Source(url, False, *size) if url else None


def _addresses(candidate: Candidate) -> Iterator[str]:
    catalogue, source = candidate.catalogue, candidate.metadata.get("source") or {}
    yield from catalogue.served_urls if catalogue else ()
    yield from source.get("served_urls") or ()
    found = (
        catalogue.image_url if catalogue else None,
        source.get("image_url"),
        (candidate.relevance or {}).get("url"),
    )
    yield from (str(url) for url in found if url)


def _picture(item: Item, source: Source) -> Picture:
    return Picture(
        image_id=item.image_id,
        url=source.url,
        enhanced=source.enhanced,
        alt_text=item.alt_text,
        width=source.width,
        height=source.height,
        score=item.score,
        basis=item.basis,
        image_class=item.image_class,
        quality=item.quality,
    )
