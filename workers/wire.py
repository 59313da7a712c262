"""The wire between orchestrator and workers: every path, header, request and reply, for both sides.

A picture travels as the raw body of a POST, never base64; its parameters are the query string. The reply's body is a
picture again (or empty), and what is known about it is one JSON value in the header ``JustLens-Result``. An error is
a JSON body ``{"code", "message"}`` with a status that says whose fault it is:

    400, 413, 415, 422   the picture's or the caller's: the same request can never work
    503 + Retry-After    the worker is full, loading, draining or out of memory: ask another one, or later
    500                  the worker's bug
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WIRE_VERSION = "justlens.wire/2"
RESULT_HEADER = "JustLens-Result"
WIRE_HEADER = "JustLens-Wire"
"""The caller's WIRE_VERSION, on every POST of an orchestrator. Who sends none is taken to know what it does."""
INCOMPATIBLE_WIRE = "incompatible_wire"
"""The code of a 503 for a caller of another WIRE_VERSION."""

HANDSHAKE_PATH = "/handshake"
LIVE_PATH = "/livez"
READY_PATH = "/readyz"
METRICS_PATH = "/metrics"
ENHANCE_PATH = "/enhance"
TAG_PATH = "/tag"
ENCODE_PATH = "/encode"
GENERATE_PATH = "/generate"

VECTOR_MEDIA_TYPE = "application/vnd.justlens.float32"
"""Vectors as a body: little-endian float32, row after row."""
MAX_TEXTS = 1024
MAX_TEXT_CHARS = 20_000


class WireValue(BaseModel):
    """A frozen value of the wire. Unknown fields are ignored, so that a worker may learn to say more first."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Handshake(WireValue):
    """Who a worker is. The orchestrator uses only workers whose ``wire`` is its own WIRE_VERSION."""

    service: str = Field(description="enhance, clip, text or vlm")
    wire: str
    release: str = Field(description="Version of the distribution the worker was started from")
    model: str = Field(description="Name of the model that answers")
    weights: str = Field(description="Digest of the weights, or 'none' for a model without any")
    space: str = Field(default="", description="Embedding space of the texts it encodes; empty when it encodes none")


class ErrorReply(WireValue):
    """Body of every answer that is not 200. ``code`` is stable and snake_case, ``message`` is for people."""

    code: str
    message: str


ImageType = Literal["general", "face", "text"]


class EnhanceRequest(WireValue):
    """Query string of POST /enhance; the body is the original as fetched."""

    image_type: ImageType = "general"
    force: bool = False


class ContentReply(WireValue):
    """What a picture is. Sizes in pixels after EXIF orientation; ``phash`` is a 64-bit DCT hash in hexadecimal. Of an
    animation one frame was looked at."""

    phash: str
    width: int
    height: int
    format: Literal["jpeg", "png", "webp", "heif", "avif"]
    animated: bool = False


class EnhanceReply(WireValue):
    """Header JustLens-Result of POST /enhance.

    The body is a picture in ``format``, ``width`` x ``height`` pixels, upright, in sRGB, without any metadata: the
    enhanced one, ``scale`` times the original, or, with ``skipped`` set, its display rendition, as large as the
    original. It is empty where a rendition would show less than the original does (``animated``).
    """

    content: ContentReply
    skipped: str | None = None
    width: int = 0
    height: int = 0
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    scale: float = 1.0
    model: str = ""
    recipe: str = Field(default="", description="Digest of weights, parameters and encoder, 16 hexadecimal digits")


class TagReply(WireValue):
    """Header JustLens-Result of POST /tag, whose body is the original as fetched.

    The reply's body is the picture's unit vector, ``dimension`` numbers. Tags come by falling score (0 to 1).
    """

    content: ContentReply
    tags: list[tuple[str, float]]
    image_class: str
    class_valid: bool
    quality: float
    flags: list[str] = Field(default_factory=list, description="What is wrong with the picture: blur, watermark, ...")
    model: str
    space: str = Field(description="Embedding space of the vector, e.g. clip/ViT-B-32@1f2e3d4c")
    dimension: int


class EncodeRequest(WireValue):
    """JSON body of POST /encode: at most MAX_TEXTS texts of at most MAX_TEXT_CHARS characters each."""

    texts: list[str]


class EncodeReply(WireValue):
    """Header JustLens-Result of POST /encode. The body holds ``count`` unit vectors of ``dimension`` numbers."""

    count: int
    dimension: int
    model: str
    space: str


class GenerateParameters(WireValue):
    """First line of the body of POST /generate, as JSON; after the line feed comes the picture as fetched.

    ``answer_schema`` is the JSON Schema the answer is constrained to while it is decoded.
    """

    prompt: str
    answer_schema: dict[str, Any]
    max_tokens: int = 512


class GenerateReply(WireValue):
    """Header JustLens-Result of POST /generate. The body is the answer as UTF-8 text."""

    model: str
    weights: str
    finish_reason: Literal["stop", "length", "refused"]


def release() -> str:
    """The installed version of justlens, or "source" for a checkout that was never installed."""
    try:
        return version("justlens")
    except PackageNotFoundError:
        return "source"
