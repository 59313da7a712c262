"""URLs as people may see them: without what could open a door."""

import re

MAX_SHOWN_LENGTH = 300
_AUTHORITY = re.compile(r"(?:\[[0-9a-zA-Z:.%]+\]|[^\s@:,/\\\[\]\x00-\x1f\x7f]+)(?::\d{0,5})?")
_NEXT_URL = re.compile(r"\s*,\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]")


def without_secrets(url: str) -> str:
    """``url`` without user, password, query and fragment (a signed URL carries its key there), for reasons and logs.

    Never raises: a text that is no URL comes out as ``(unreadable url)``, because a password may stand anywhere in it.
    White space and control characters become ``?`` (one line stays one line), 300 characters are shown at most.
    """
    scheme, separator, rest = re.split(r"[?#]", url, maxsplit=1)[0].partition("://")
    authority, slash, path = rest.partition("/")
    hosts = authority.rpartition("@")[2]  # several, with commas, in the URL of a replica set
    if not separator or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "(unreadable url)"
    if hosts and not all(_AUTHORITY.fullmatch(host) for host in hosts.split(",")):
        return f"{scheme}://(unreadable url)"
    return _UNPRINTABLE.sub("?", f"{scheme}://{hosts}{slash}{path}")[:MAX_SHOWN_LENGTH]


def split_urls(text: str) -> tuple[str, ...]:
    """Split URLs that stand one after the other with commas between them. A comma inside a URL splits nothing."""
    return tuple(_NEXT_URL.split(text.strip()))
