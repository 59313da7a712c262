"""Keys and the question who may be let in without one."""

import pytest

from orchestrator.api import options_from
from orchestrator.api.options import is_loopback, parse_keys
from orchestrator.config import load_settings
from orchestrator.domain.errors import ConfigurationError

KEYS = '{"shop": {"key": "0123456789abcdef", "scopes": ["read", "publish"]}}'


def test_only_the_digest_of_a_key_is_kept() -> None:
    [key] = parse_keys(KEYS)

    assert (key.name, key.scopes) == ("shop", {"read", "publish"})
    assert "0123456789abcdef" not in repr(key) and len(key.digest) == 32


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not json", "JUSTLENS_API_KEYS: Invalid JSON"),
        ('{"shop": "0123456789abcdef"}', "shop"),
        ('{"shop": {"key": "s3cret", "scopes": ["read"]}}', "shop.key: must have at least 16 characters"),
        ('{"shop-front": {"key": "…", "scopes": ["read"]}}', "shop-front.key: must have at least 16 characters"),
        ('{"shop": {"key": "s3cret-s3cret-s3crét", "scopes": ["read"]}}', "all of them printable ASCII"),
        ('{"shop": {"scopes": ["read"]}}', "shop.key: Field required"),
        ('{"shop": {"key": "s3cret s3cret s3cret", "scopes": ["read"]}}', "shop.key"),
        ('{"shop": {"key": "s3cret-s3cret-s3cret", "scopes": ["root"]}}', "'read', 'publish' or 'admin'"),
        ('{"shop": {"key": "s3cret-s3cret-s3cret", "scopes": []}}', "shop.scopes"),
        ('{"a b": {"key": "s3cret-s3cret-s3cret", "scopes": ["read"]}}', "a b"),
        ('{"shop": {"key": "s3cret-s3cret-s3cret", "scopes": ["read"], "rate": 1}}', "shop.rate"),
        (
            '{"a": {"key": "s3cret-s3cret-s3cret", "scopes": ["read"]},'
            ' "b": {"key": "s3cret-s3cret-s3cret", "scopes": ["admin"]}}',
            "share one key",
        ),
    ],
)
def test_keys_that_cannot_be_used_are_refused_in_words_that_do_not_show_them(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_keys(text)

    assert said in str(refusal.value) and "JUSTLENS_API_KEYS" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


def test_without_keys_only_an_embedded_api_on_loopback_starts() -> None:
    assert options_from(load_settings()).open_on_loopback
    assert options_from(load_settings(api_host="localhost")).open_on_loopback
    for reachable in ({"api_host": "0.0.0.0"}, {"api_host": "::"}, {"mode": "servers"}):
        with pytest.raises(ConfigurationError, match="JUSTLENS_API_KEYS"):
            options_from(load_settings(**reachable))
        assert not options_from(load_settings(api_keys=KEYS, **reachable)).open_on_loopback


def test_a_key_closes_the_open_door() -> None:
    assert not options_from(load_settings(api_keys=KEYS)).open_on_loopback


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_is_known_by_its_address(host: str, local: bool) -> None:
    assert is_loopback(host) is local
