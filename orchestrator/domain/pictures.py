"""Pictures as values. Nobody on this side decodes them."""

from dataclasses import dataclass, field

from orchestrator.domain.jobs import Content


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded bytes as they came, with the media type the source claimed, and the Content-Encoding that is still on
    them."""

    body: bytes = field(repr=False)
    content_type: str
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class EnhancedPicture:
    """A worker's better picture. ``format`` is jpeg, png or webp, sizes are pixels, ``recipe`` is a digest of weights,
    parameters and encoder, ``content`` describes the original."""

    body: bytes = field(repr=False)
    format: str
    width: int
    height: int
    scale: float
    model: str
    recipe: str
    content: Content


@dataclass(frozen=True, slots=True)
class Rendition:
    """An image as pages may show it: all pixels of the original, upright, in sRGB, without metadata. ``recipe`` is a
    digest of what made it."""

    body: bytes = field(repr=False)
    format: str
    width: int
    height: int
    recipe: str


@dataclass(frozen=True, slots=True)
class SkippedPicture:
    """A worker's word that no better picture is needed, and why. Without ``rendition`` none could show what the
    original does."""

    reason: str
    content: Content
    rendition: Rendition | None = None
