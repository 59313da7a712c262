"""Where an image URL leads: taken as it is written, because a signature or a key may cover every character of it."""

import re

from yarl import URL

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.urls import without_secrets

_ILLEGAL = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]")  # all but the characters of RFC 3986, section 2
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/?#\\]*)(.*)", re.DOTALL)
_S3 = "s3://"


def s3_location(url: str) -> tuple[str, str] | None:
    """The bucket and key that an s3:// URL names, letter by letter; None for another URL. Raises JobRefused.

    Nothing in a key is an escape, a query or a fragment. A key with a step such as ``..`` is refused, because clients
    on the way to the store resolve it to another key.
    """
    if url[: len(_S3)].lower() != _S3:
        return None
    bucket, _, key = url[len(_S3) :].partition("/")
    if not bucket or not key:
        raise JobRefused("bad_url", f"{without_secrets(url)}: an s3:// URL names a bucket and a key")
    if not {".", ".."}.isdisjoint(key.split("/")):
        raise JobRefused("bad_url", f"{without_secrets(url)}: a key with the step . or .. cannot be read reliably")
    return bucket, key


def parse_url(url: str) -> URL:
    """``url`` when it is one that may be asked. Raises JobRefused (``bad_url``)."""
    try:
        return _checked(_as_written(url))
    except ValueError:  # UnicodeError of a host name is one
        raise JobRefused("bad_url", f"{without_secrets(url)}: not a URL") from None


def next_hop(url: URL, location: str) -> URL:
    """Where a redirect of ``url`` to ``location`` leads. Raises JobRefused."""
    try:
        target = url.join(_as_written(location))
    except ValueError:
        location = ""
        target = url
    if not location:
        raise JobRefused("redirect_refused", f"{without_secrets(str(url))}: redirects to no URL")
    if target.scheme not in ("http", "https") or (url.scheme, target.scheme) == ("https", "http"):
        raise JobRefused("redirect_refused", f"{without_secrets(str(url))}: redirects to {target.scheme}")
    try:
        return _checked(target)
    except ValueError:
        raise JobRefused("redirect_refused", f"{without_secrets(str(url))}: redirects to no URL") from None


def _as_written(text: str) -> URL:
    """``text`` as a URL in which only the characters that no URL may have are quoted. Raises ValueError."""
    if _CONTROL.search(text):
        raise ValueError("a control character")
    absolute = _ABSOLUTE.fullmatch(text)
    if absolute is None:
        return URL(_quote_illegal(text), encoded=True)
    origin, rest = absolute.groups()
    checked = URL(origin)  # this form checks host and port, the other takes them on trust
    if rest.startswith("\\") or _ILLEGAL.search(checked.raw_host or ""):
        raise ValueError("a character that no host has")
    if _ILLEGAL.search(origin):  # a name in another script
        origin = str(checked).removesuffix("/")
    return URL(origin + _quote_illegal(rest), encoded=True)


def _quote_illegal(text: str) -> str:
    # A header's bytes that are not UTF-8 come as lone surrogates.
    return _ILLEGAL.sub(lambda found: _quoted(found[0].encode("utf-8", "surrogateescape")), text)


def _quoted(raw: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in raw)


def _checked(url: URL) -> URL:
    """``url`` itself when it is one that may be asked. Raises JobRefused."""
    if url.scheme in ("http", "https") and not url.host:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: no host")
    if url.raw_user is not None or url.raw_password is not None:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: user or password in the URL")
    if url.scheme in ("http", "https") and url.port == 0:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: port 0")
    return url
