"""GET /images/…: the bytes of pictures. What pages show is public, as the origin of a CDN; originals need a key.

An original holds all that its publisher sent, such as the place where it was taken, and also what a catalogue calls
invalid. A key of the store names one content for ever, so it is the entity tag and an answer may be kept for ever.
Pictures come from strangers: whatever they hold, a browser is told to treat it as a picture and to run nothing of it.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import Path, Request, Response

from orchestrator.api.conditional import ByteRange, Unsatisfiable, chosen_range, is_current
from orchestrator.api.examples import SHA256
from orchestrator.api.problems import Problem
from orchestrator.api.services import context_of
from orchestrator.domain.enhancement import original_key

_SHOWN = re.compile(r"(?:enhanced|renditions)/([0-9a-f]{64})/([A-Za-z0-9_-]{1,128}\.(?:jpg|png|webp))")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LIFE = "max-age=31536000, immutable"
Key = Annotated[
    str,
    Path(description="Such as `enhanced/<sha256>/<recipe>.jpg`.", examples=[f"enhanced/{SHA256}/3c9a2f41d07be865.jpg"]),
]
Sha256 = Annotated[str, Path(description="SHA-256 of the original.", examples=[SHA256])]
_PICTURES = frozenset(f"image/{kind}" for kind in ("jpeg", "png", "webp", "gif", "avif", "heif", "heic", "bmp", "tiff"))
_ANYTHING = "application/octet-stream"


class PictureResponse(Response):
    """Bytes of a picture; the media type is the object's own."""

    media_type = "image/*"


async def get_image(request: Request, key: Key) -> Response:
    """One picture that pages show. Raises Problem: not_found, range_not_satisfiable, unavailable."""
    found = _SHOWN.fullmatch(key)
    if found is None:
        raise _missing()
    public = {
        "Cache-Control": f"public, {_LIFE}",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return await _answer(request, key, f"{found[1]}-{found[2]}", public)


async def get_original(request: Request, sha256: Sha256) -> Response:
    """One original. Raises Problem: not_found, range_not_satisfiable, unavailable."""
    if not _SHA256.fullmatch(sha256):
        raise _missing()
    private = {"Cache-Control": f"private, {_LIFE}", "Cross-Origin-Resource-Policy": "same-origin"}
    return await _answer(request, original_key(sha256), sha256, private)


async def _answer(request: Request, key: str, tag: str, reach: Mapping[str, str]) -> Response:
    """The object under ``key``, whole, in part, or not again. ``reach`` are the headers that say who may keep it."""
    objects = context_of(request).services.objects
    etag = f'"{tag}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        **reach,
    }
    if is_current(request.headers.get("if-none-match"), etag) and await objects.exists(key):
        return Response(status_code=304, headers=headers)
    stored = await objects.get(key)
    if stored is None:
        raise _missing()
    media_type = stored.content_type if stored.content_type in _PICTURES else _ANYTHING
    body, size = stored.body, len(stored.body)
    wanted = request.headers.get("range") if request.method == "GET" else None
    match chosen_range(wanted, request.headers.get("if-range"), etag, size):
        case Unsatisfiable():
            raise Problem(
                "range_not_satisfiable", f"The picture has {size} bytes.", headers={"Content-Range": f"bytes */{size}"}
            )
        case ByteRange(first, last):
            headers["Content-Range"] = f"bytes {first}-{last}/{size}"
            return PictureResponse(body[first : last + 1], 206, headers, media_type)
        case None:
            return PictureResponse(body, 200, headers, media_type)


def _missing() -> Problem:
    return Problem("not_found", "There is no picture under this key; URLs of pictures come from /v1/relevancy.")
