"""The URLs of RabbitMQ in the environment: one, or one for each node of a cluster, with mistakes in words."""

import re
from collections.abc import Collection
from urllib.parse import unquote, urlsplit

from orchestrator.domain.urls import split_urls

_PERCENT_ENCODE = (
    "user or password holds a character that means something else in a URL: percent-encode it there"
    " (/ is %2F, @ is %40, # is %23, ? is %3F, [ is %5B), and an @ in a vhost as well"
)


def get_vhost(amqp_urls: str) -> str:
    """Return the vhost that one or several AMQP URLs name; no path means ``/``."""
    return unquote(urlsplit(split_urls(amqp_urls)[0]).path[1:]) or "/"


def check_amqp_urls(value: str) -> None:
    """Raise ValueError, which says what to write instead and no secret, unless every URL can be used."""
    _check(value, ("amqp", "amqps"))
    vhosts = dict.fromkeys(get_vhost(url) for url in split_urls(value))
    if len(vhosts) > 1:
        raise ValueError(f"the URLs name different vhosts ({', '.join(vhosts)}); write that of the cluster in each")


def check_management_urls(value: str) -> None:
    """Raise ValueError, which says what to write instead and no secret, unless every URL can be used."""
    _check(value, ("http", "https"))


def _check(value: str, schemes: Collection[str]) -> None:
    urls = split_urls(value)
    for number, url in enumerate(urls, 1):
        if problem := _find_problem(url, schemes):
            raise ValueError(problem if len(urls) == 1 else f"URL {number} of {len(urls)}: {problem}")


def _find_problem(url: str, schemes: Collection[str]) -> str | None:
    scheme, _, rest = url.partition("://")
    if scheme not in schemes:
        return f"a URL has to begin with {' or '.join(f'{name}://' for name in schemes)}"
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, address = authority.rpartition("@")
    # The first of these characters ends the address, whatever it was meant for: the @ then stands behind it.
    if "@" in rest[len(authority) :] or set("[]") & set(user):
        return _PERCENT_ENCODE
    if "," in address:
        return "several hosts are written as several whole URLs, with commas between them"
    try:
        parts = urlsplit(f"//{address}")
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return None if usable else "it names no host, or its port is no number from 1 to 65535"
