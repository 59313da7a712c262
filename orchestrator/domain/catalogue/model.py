"""What a catalogue says of businesses, their categories and their images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Category:
    """One category of a business. A hot category is the one the business is known for."""

    category_id: str
    name: str
    is_hot: bool = False


@dataclass(frozen=True, slots=True)
class IdfSnapshot:
    """In how many of the ``documents`` category names known each word occurs. ``version`` is a digest of the content,
    so that a score can name the figures it was made with."""

    version: str
    documents: int
    frequencies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CatalogueImage:
    """One image as the catalogue describes it. ``image_class`` and ``quality`` (0 to 1) are the catalogue's own word
    and come before what a model says; ``valid`` False takes the image out of every answer; ``contract`` names the terms
    it is shown under."""

    business_id: str
    image_id: str
    image_url: str
    served_urls: tuple[str, ...] = ()
    contract: str | None = None
    valid: bool = True
    image_class: str | None = None
    quality: float | None = None


AltTextSource = Literal["model", "human"]


@dataclass(frozen=True, slots=True)
class AltText:
    """An image's alt text as stored. ``version`` is that of the job, or of the moment a person wrote it."""

    business_id: str
    image_id: str
    alt_text: str
    source: AltTextSource
    version: str
    model: str = ""
    prompt_version: str = ""
