"""What a worker says when it cannot answer 200: whose fault it is, a stable code, words for people."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

REFUSAL_STATUS: Mapping[str, int] = MappingProxyType(
    {
        "empty": 422,  # no bytes at all
        "not_an_image": 422,  # no picture of any kind that we know
        "unsupported_format": 415,  # a picture or document of another kind than those that are decoded
        "too_large": 413,  # more bytes than the worker takes
        "too_many_pixels": 413,  # the header declares more than the limit
        "truncated": 422,  # the end of the file is missing
        "corrupt": 422,  # complete, and still not decodable
        "decode_timeout": 422,  # took longer than one picture may
        "decode_memory": 422,  # wanted more memory than one picture may
        "decoder_died": 422,  # took the decoder process down with it
        "bad_request": 400,  # the query string or the JSON body is not what the endpoint takes
        "too_many_texts": 413,  # more than MAX_TEXTS of them
        "text_too_long": 413,  # one of them has more than MAX_TEXT_CHARS characters
    }
)


class Refused(Exception):
    """The picture's or the caller's fault: the same request can never work. ``code`` is a key of REFUSAL_STATUS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status that belongs to the code."""
        return REFUSAL_STATUS[self.code]


class Busy(Exception):
    """The worker cannot take this now (full, loading, draining, out of memory): 503 and Retry-After, in seconds."""

    status = 503

    def __init__(self, code: str, message: str, retry_after_s: int = 1) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


def mistakes(error: ValidationError) -> str:
    """Every mistake with the field it is in, never what was sent."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors())[:500]
