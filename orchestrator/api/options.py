"""How the API behaves: limits, keys, origins. Times are seconds, sizes bytes."""

import hashlib
from dataclasses import dataclass, field
from ipaddress import ip_address

from orchestrator.config import Settings
from orchestrator.config.api_keys import EXAMPLE, Scope, read_api_keys
from orchestrator.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that opens ``scopes``; only its SHA-256 is kept. ``name`` is who uses it."""

    name: str
    digest: bytes = field(repr=False)
    scopes: frozenset[Scope]


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """What the operator decided.

    ``open_on_loopback`` lets requests from this machine in without a key; it goes with no keys only. Each store read
    of a relevancy answer may take ``read_timeout_s``; a publish has ``publish_timeout_s`` to be confirmed. A key may
    make ``rate_limit`` requests in ``rate_window_s``.
    """

    keys: tuple[ApiKey, ...] = ()
    open_on_loopback: bool = False
    cors_origins: tuple[str, ...] = ()
    read_timeout_s: float = 0.15
    publish_timeout_s: float = 3.0
    rate_limit: int = 6000
    rate_window_s: float = 60.0
    max_body_bytes: int = 64 * 1024


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """The keys in JUSTLENS_API_KEYS. Raises ConfigurationError with every mistake, and never shows a key."""
    try:
        found = read_api_keys(text)
    except ValueError as error:
        raise ConfigurationError([f"JUSTLENS_API_KEYS: {error}"]) from None
    return tuple(ApiKey(name, key_digest(spec.key), spec.scopes) for name, spec in found.items())


def key_digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def options_from(settings: Settings) -> ApiOptions:
    """What the settings say. Raises ConfigurationError when nobody could be let in, or everybody would be."""
    keys = parse_keys(settings.api_keys.get_secret_value() if settings.api_keys else "")
    local = settings.mode == "embedded" and is_loopback(settings.api_host)
    if not keys and not local:
        raise ConfigurationError(
            [
                "JUSTLENS_API_KEYS: is not set, and this API can be reached by others (servers mode, or an address that"
                f" is not loopback); give each client a key: {EXAMPLE}"
            ]
        )
    return ApiOptions(keys=keys, open_on_loopback=local and not keys, cors_origins=tuple(settings.api_cors_origins))
