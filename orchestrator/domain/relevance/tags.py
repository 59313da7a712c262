"""What the clip workers say of a picture."""

from dataclasses import dataclass

from orchestrator.domain.jobs import Content
from orchestrator.domain.relevance.vectors import Vector


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag and how sure the model is of it, 0 to 1."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged picture: tags by falling score; the class it belongs to, and whether a picture of that class may be
    shown; quality 0 to 1; the picture's vector; by name what is wrong with it. ``model`` says what made all this."""

    tags: tuple[Tag, ...]
    image_class: str
    class_valid: bool
    quality: float
    model: str
    vector: Vector
    content: Content
    flags: tuple[str, ...] = ()
