"""Settings: JUSTLENS_* and nothing else, with mistakes in words and secrets kept."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestrator.config import Settings, load_settings
from orchestrator.domain.errors import ConfigurationError

CANARY = "canary-5ecret"


def test_without_an_environment_the_system_is_embedded() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert settings.mode == "embedded" and settings.cdn_purge_url is None and settings.http_host == "127.0.0.1"


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_environment_is_read_under_its_prefix_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_MODE", "servers")
    monkeypatch.setenv("JUSTLENS_DRAIN_S", "7.5")
    monkeypatch.setenv("JUSTLENS_ENDPOINTS", '{"enhance": ["http://gpu1:8101", "http://gpu2:8101"]}')
    monkeypatch.setenv("HTTP_PORT", "1")
    settings = load_settings()
    assert (settings.mode, settings.drain_s, settings.http_port) == ("servers", 7.5, 8100)
    assert load_settings(mode="embedded").http_port == 0
    assert settings.endpoints == {"enhance": ["http://gpu1:8101", "http://gpu2:8101"]}


def test_the_command_line_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_HTTP_PORT", "9000")
    assert load_settings(http_port=0).http_port == 0


def test_every_mistake_is_reported_at_once_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_MODE", "cluster")
    monkeypatch.setenv("JUSTLENS_DRAIN_S", "0")
    monkeypatch.setenv("JUSTLENS_ACK_TIMEOUT_S", "inf")
    monkeypatch.setenv("JUSTLENS_FETCH_ALLOW_NETWORKS", '["10.0.0.0/8", "everything"]')
    monkeypatch.setenv("JUSTLENS_QUEUE_PREFIX", "UPPER ")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert [line.partition(": ")[0] for line in refused.value.problems] == [
        "JUSTLENS_MODE",
        "JUSTLENS_QUEUE_PREFIX",
        "JUSTLENS_ACK_TIMEOUT_S",
        "JUSTLENS_FETCH_ALLOW_NETWORKS",
        "JUSTLENS_DRAIN_S",
    ]


def test_a_mapping_that_is_not_json_is_a_mistake_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_ENDPOINTS", "http://gpu1:8101")
    with pytest.raises(ConfigurationError, match=r"ENDPOINTS.*as JSON"):
        load_settings()


def test_secrets_show_neither_when_printed_nor_in_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMQP_URL", "MANAGEMENT_URL", "MONGO_URL", "S3_SECRET_KEY", "S3_ACCESS_KEY", "CDN_TOKEN"):
        scheme = {"MANAGEMENT_URL": "https", "MONGO_URL": "mongodb"}.get(name, "amqp")
        monkeypatch.setenv(f"JUSTLENS_{name}", f"{scheme}://user:{CANARY}@host/")
    settings = load_settings()
    assert CANARY in settings.amqp_url.get_secret_value()
    assert CANARY not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    monkeypatch.setenv("JUSTLENS_HTTP_PORT", "many")
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert CANARY not in str(refused.value)


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().mode = "servers"


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest@rabbit",
        "amqps://user:a%2Fb%40c@rabbit.example:5671/shop?cafile=/etc/ca.pem",
        "amqp://user:a,b@[::1]:5672/%2F",
        "amqp://u:p@a:5672/shop,amqp://u:p@b:5672/shop, amqp://u:p@c/shop",
    ],
)
def test_amqp_urls_of_one_node_or_several_are_taken(url: str) -> None:
    assert load_settings(amqp_url=url).amqp_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://user:canary/5ecret@rabbit:5672/shop", "percent-encode it there (/ is %2F"),
        ("amqp://user:12/canary@rabbit/", "percent-encode"),
        ("amqp://user:canary#5ecret@rabbit/", "percent-encode"),
        ("amqp://user:canary?5ecret@rabbit/", "percent-encode"),
        ("amqp://user:canary[5ecret@rabbit/", "percent-encode"),
        ("amqp://user:c@n/canary@rabbit/shop", "percent-encode"),
        ("amqp://user:canary@:5672/", "names no host"),
        ("amqp://user:canary@rabbit:port/", "names no host, or its port is no number"),
        ("rabbit:5672", "has to begin with amqp:// or amqps://"),
        ("https://user:canary@rabbit", "has to begin with amqp:// or amqps://"),
        ("amqp://user:canary@a:5672,b:5672/", "several whole URLs, with commas"),
        ("amqp://user:canary@a/,amqp://user:can/ary@b/", "URL 2 of 2: user or password"),
        ("amqp://user:canary@a/x,amqp://user:canary@b/y", "different vhosts (x, y)"),
    ],
)
def test_an_amqp_url_that_cannot_be_used_says_what_to_write(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(amqp_url=url)
    assert str(refused.value).startswith("JUSTLENS_AMQP_URL: ") and said in str(refused.value)
    assert "canary" not in f"{refused.value} {refused.value.__cause__}"


def test_a_management_url_is_checked_in_the_same_way() -> None:
    with pytest.raises(ConfigurationError, match="JUSTLENS_MANAGEMENT_URL: user or password"):
        load_settings(management_url="http://user:a/b@rabbit:15672")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DATA_DIR", "", "JUSTLENS_DATA_DIR: is empty"),
        ("ENDPOINTS", '{"enhance": ["127.0.0.1:8101"]}', "JUSTLENS_ENDPOINTS: enhance: '127.0.0.1:8101' is no worker"),
        (
            "ENDPOINTS",
            "http://127.0.0.1:8101",
            'JUSTLENS_ENDPOINTS: is not JSON; it is: Worker URLs per pool, as JSON: {"',
        ),
        ("ENDPOINTS", '{"enhance": "http://x"}', "JUSTLENS_ENDPOINTS: enhance: Input should be a valid list"),
        ("ENDPOINTS", '{"enhance": ["http://[::1"]}', "JUSTLENS_ENDPOINTS: enhance: 'http://[::1' is no worker's URL"),
        ("ENDPOINTS", '{"clip": ["http://gpu1:81020"]}', "JUSTLENS_ENDPOINTS: clip: 'http://gpu1:81020' is no worker"),
        ("SQL_URL", "mysql://u:canary@db/justlens", "JUSTLENS_SQL_URL: must begin with mysql+aiomysql://"),
        ("MONGO_URL", "db:27017", "JUSTLENS_MONGO_URL: must begin with mongodb:// or mongodb+srv://"),
        ("MILVUS_URL", "milvus:19530", "JUSTLENS_MILVUS_URL: must begin with http:// or https://"),
        ("S3_ENDPOINT", "s3.example", "JUSTLENS_S3_ENDPOINT: is no URL of HTTP; write http://host:port"),
        ("CDN_PURGE_URL", "cdn.example/purge?t=canary", "JUSTLENS_CDN_PURGE_URL: is no URL of HTTP"),
        ("TRITON_URL", "http://triton:8001", "JUSTLENS_TRITON_URL: is no address of gRPC; write host:port"),
    ],
)
def test_a_value_of_the_wrong_form_is_told_with_its_variable_and_the_right_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"JUSTLENS_{variable}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert words in str(caught.value) and "canary" not in str(caught.value)


def test_the_users_own_folder_may_be_written_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load_settings(data_dir="~/images").data_dir == Path("/home/somebody/images")
