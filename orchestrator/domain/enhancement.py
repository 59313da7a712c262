"""Enhancement: where its objects lie and which job follows. The box and the skip rule are the worker's to apply."""

import hashlib

_EXTENSIONS = {"jpeg": "jpg", "png": "png", "webp": "webp"}


def sha256_of(body: bytes) -> str:
    """The content hash that names an original."""
    return hashlib.sha256(body).hexdigest()


def original_key(sha256: str) -> str:
    """``originals/<sha256>``: the address of an original is its content, so it can never change.

    There is no extension: a reader that knows only the hash must find the object without knowing its format. The
    object's content type tells the format.
    """
    return f"originals/{sha256}"


def enhanced_key(source_sha256: str, recipe: str, image_format: str) -> str:
    """``enhanced/<source sha256>/<recipe>.<ext>``: the same source and recipe give the same bytes."""
    return f"enhanced/{source_sha256}/{recipe}.{_EXTENSIONS[image_format]}"


def rendition_key(source_sha256: str, recipe: str, image_format: str) -> str:
    """``renditions/<source sha256>/<recipe>.<ext>``: as an enhanced image's."""
    return f"renditions/{source_sha256}/{recipe}.{_EXTENSIONS[image_format]}"


def media_type(image_format: str) -> str:
    """The media type of a decoded format name (``jpeg``, ``png``, ``webp``)."""
    return f"image/{image_format}"
