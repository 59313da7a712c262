"""How the API behaves: limits, keys, origins. Times are seconds, sizes bytes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from orchestrator.config import Settings
from orchestrator.domain.errors import ConfigurationError

Scope = Literal["read", "publish", "admin"]
MIN_KEY_LENGTH = 16


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


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key: Annotated[str, StringConstraints(min_length=MIN_KEY_LENGTH, max_length=256, pattern=r"^[!-~]+$")]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]


_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


def parse_keys(text: str) -> tuple[ApiKey, ...]:
    """The keys in JUSTLENS_API_KEYS. Raises ConfigurationError with every mistake, and never shows a key."""
    adapter: TypeAdapter[Mapping[str, _Key]] = TypeAdapter(dict[_Name, _Key])
    try:
        found = adapter.validate_json(text)
    except ValidationError as error:
        problems = [
            f"JUSTLENS_API_KEYS: {'.'.join(str(part) for part in problem['loc']) or 'value'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise ConfigurationError(problems) from None
    keys = tuple(ApiKey(name, key_digest(spec.key), spec.scopes) for name, spec in found.items())
    if len({key.digest for key in keys}) < len(keys):
        raise ConfigurationError(["JUSTLENS_API_KEYS: two names share one key; give each its own"])
    return keys


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
    text = settings.api_keys.get_secret_value() if settings.api_keys else ""
    keys = parse_keys(text) if text.strip() else ()
    local = settings.mode == "embedded" and is_loopback(settings.api_host)
    if not keys and not local:
        raise ConfigurationError(
            [
                "JUSTLENS_API_KEYS: is not set, and this API can be reached by others (servers mode, or an address that"
                ' is not loopback); give each client a key: {"shop": {"key": "…", "scopes": ["read"]}}'
            ]
        )
    return ApiOptions(keys=keys, open_on_loopback=local and not keys, cors_origins=tuple(settings.api_cors_origins))
