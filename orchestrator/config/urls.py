"""The URLs of everything but RabbitMQ in the configuration, with mistakes in words that show no secret."""

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from orchestrator.domain.urls import without_secrets

_HTTP = ("http", "https")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in _HTTP and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_http(url: str) -> str:
    if not _is_http(url):
        raise ValueError("is no URL of HTTP; write http://host:port or https://host, or leave it unset")
    return url


def _check_worker(url: str) -> str:
    if not _is_http(url):
        shown = without_secrets(url) if "@" in url or "?" in url else url
        raise ValueError(f"'{shown}' is no worker's URL; write http://host:port")
    return url


def _check_workers(pools: dict[str, list[str]]) -> dict[str, list[str]]:
    for pool, urls in pools.items():
        for url in urls:
            try:
                _check_worker(url)
            except ValueError as error:
                raise ValueError(f"{pool}: {error}") from error
    return pools


def _check_address(address: str) -> str:
    if "://" in address or not _is_http(f"http://{address}"):
        raise ValueError("is no address of gRPC; write host:port, without a scheme")
    return address


def _begins_with(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        scheme, separator, rest = value.get_secret_value().partition("://")
        if not separator or scheme not in schemes or not rest:
            raise ValueError(f"must begin with {' or '.join(f'{one}://' for one in schemes)} and name what is there")
        return value

    return check


HttpUrl = Annotated[str, AfterValidator(_check_http)]
WorkerUrl = Annotated[str, AfterValidator(_check_worker)]
WorkerUrls = Annotated[dict[str, list[str]], AfterValidator(_check_workers)]
GrpcAddress = Annotated[str, AfterValidator(_check_address)]
MongoUrl = Annotated[SecretStr, AfterValidator(_begins_with("mongodb", "mongodb+srv"))]
SqlUrl = Annotated[SecretStr, AfterValidator(_begins_with("mysql+aiomysql", "sqlite+aiosqlite"))]
MilvusUrl = Annotated[SecretStr, AfterValidator(_begins_with("http", "https", "tcp", "unix"))]
