"""GET /images/…: the bytes of originals and enhanced pictures, as the origin of a CDN.

A key names one content for ever, so the key is the entity tag and an answer may be kept for ever. Pictures come from
strangers: whatever they hold, a browser is told to treat it as a picture and to run nothing of it.
"""

import re
from typing import Annotated

from fastapi import Path, Request, Response

from orchestrator.api.conditional import ByteRange, Unsatisfiable, chosen_range, is_current
from orchestrator.api.context import context_of
from orchestrator.api.examples import SHA256
from orchestrator.api.problems import Problem

_KEY = re.compile(r"originals/([0-9a-f]{64})|enhanced/([0-9a-f]{64}/[A-Za-z0-9_-]{1,128}\.(?:jpg|png|webp))")
Key = Annotated[str, Path(description="Such as `originals/<sha256>`.", examples=[f"originals/{SHA256}"])]
_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/bmp", "image/tiff"})
_ANYTHING = "application/octet-stream"


class PictureResponse(Response):
    """Bytes of a picture; the media type is the object's own."""

    media_type = "image/*"


async def get_image(request: Request, key: Key) -> Response:
    """One picture. Raises Problem: not_found, range_not_satisfiable, unavailable."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise _missing()
    objects = context_of(request).services.objects
    etag = '"' + (found[1] or found[2].replace("/", "-")) + '"'
    headers = {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Content-Security-Policy": "default-src 'none'; sandbox",
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
