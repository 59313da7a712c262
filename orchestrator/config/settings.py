"""Everything that comes from the environment: ``JUSTLENS_*`` variables. Secrets come from nowhere else."""

import re
from importlib.resources import files
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from orchestrator.config.api_keys import ApiKeys
from orchestrator.config.broker_urls import check_amqp_urls, check_management_urls
from orchestrator.config.paths import read_path
from orchestrator.config.pipeline import Seconds, explain_validation
from orchestrator.config.urls import GrpcAddress, HttpUrl, MilvusUrl, MongoUrl, SqlUrl, WorkerUrls
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.prompts.profiles import PROFILES, VISION_JSON_CAT


def _is_network(value: str) -> str:
    return str(ip_network(value))


def _is_prompt(value: str) -> str:
    known = dict.fromkeys(profile.name for profile in PROFILES)
    if value not in known:
        raise ValueError(f"there is no prompt profile of that name; use one of {', '.join(known)}")
    return value


def _is_amqp(value: SecretStr) -> SecretStr:
    check_amqp_urls(value.get_secret_value())
    return value


def _is_management(value: SecretStr) -> SecretStr:
    check_management_urls(value.get_secret_value())
    return value


Network = Annotated[str, AfterValidator(_is_network)]
SomePath = Annotated[Path, BeforeValidator(read_path)]


def _default_queues_file() -> Path:
    here = Path("queues.yaml")
    return here if here.exists() else Path(str(files(__package__) / "queues.yaml"))


class Settings(BaseSettings):
    """What is in force. Times are seconds, sizes bytes."""

    model_config = SettingsConfigDict(
        env_prefix="JUSTLENS_", frozen=True, extra="ignore", env_nested_delimiter=None, hide_input_in_errors=True
    )

    mode: Literal["embedded", "servers"] = Field("embedded", description="Files of one process, or real servers")
    queues_file: SomePath = Field(
        default_factory=_default_queues_file,
        description="The pipeline; unset = queues.yaml here, else the one that was installed with the package",
    )
    data_dir: SomePath = Field(Path("justlens-data"), description="Embedded: where everything lies")
    endpoints: WorkerUrls = Field(
        default_factory=dict, description='Worker URLs per pool, as JSON: {"enhance": ["http://gpu1:8101"]}'
    )

    amqp_url: Annotated[SecretStr, AfterValidator(_is_amqp)] = Field(
        SecretStr("amqp://127.0.0.1:5672/"),
        description="RabbitMQ; amqps:// for TLS; the URLs of a cluster's nodes with commas between are tried in turn",
    )
    management_url: Annotated[SecretStr, AfterValidator(_is_management)] | None = Field(
        None, description="RabbitMQ management API, http(s)://user:password@host; several as in JUSTLENS_AMQP_URL"
    )
    queue_prefix: str = Field("", pattern=r"^[a-z0-9_.-]{0,32}$", description="Lets deployments share a vhost")
    ack_timeout_s: Seconds = Field(1800, description="The broker's consumer_timeout; released at 80 %")
    publish_timeout_s: Seconds = Field(5, description="One confirmed publish")

    mongo_url: MongoUrl = Field(SecretStr("mongodb://127.0.0.1:27017/"), description="MongoDB")
    mongo_database: str = Field("justlens", description="Its database")
    s3_endpoint: HttpUrl | None = Field(None, description="S3-compatible endpoint; unset = AWS")
    s3_bucket: str = Field("justlens", description="Bucket for originals and enhanced pictures")
    s3_region: str = Field("us-east-1", description="Its region")
    s3_access_key: SecretStr | None = Field(None, description="Unset = the SDK's own credential chain")
    s3_secret_key: SecretStr | None = Field(None, description="Belongs to the access key")
    store_timeout_s: Seconds = Field(5, description="One call of a store")

    sql_url: SqlUrl = Field(
        SecretStr("mysql+aiomysql://127.0.0.1:3306/justlens"), description="MySQL or MariaDB, as a SQLAlchemy URL"
    )
    milvus_url: MilvusUrl = Field(SecretStr("http://127.0.0.1:19530"), description="Milvus")
    milvus_token: SecretStr | None = Field(None, description="user:password or API key of Milvus")
    triton_url: GrpcAddress | None = Field(
        None, description="Triton's gRPC address, host:port; unset = the workers of pool vlm over HTTP"
    )
    triton_shared_memory_mib: int = Field(
        0, ge=0, description="Most memory to hand pictures to Triton in, when it runs on this host; 0 = in messages"
    )

    fetch_max_bytes: int = Field(20 * 2**20, gt=0, description="Largest original")
    fetch_timeout_s: Seconds = Field(10, description="One download, redirects included")
    fetch_max_redirects: int = Field(5, ge=0, le=20, description="Redirects followed")
    fetch_host_parallel: int = Field(
        4, ge=0, description="Downloads from one image host at once, per process; 0 = no limit"
    )
    fetch_host_per_second: float = Field(
        20, ge=0, description="Downloads from one image host begun a second, per process; 0 = no limit"
    )
    fetch_s3_buckets: list[str] = Field(
        default_factory=list, description='Buckets that s3:// pictures may come from, as JSON: ["uploads"]'
    )
    fetch_allow_networks: list[Network] = Field(
        default_factory=list, description='Private networks pictures may come from, as JSON: ["10.0.0.0/8"]'
    )

    prompt: Annotated[str, AfterValidator(_is_prompt)] = Field(
        VISION_JSON_CAT.name, description="Prompt profile of relevance jobs that name none"
    )
    prompt_examples_file: SomePath | None = Field(
        None, description="Labelled examples for vision_json_cat_few_shot; unset = those of the package"
    )

    cdn_purge_url: HttpUrl | None = Field(None, description="POSTed {url} as JSON for every served URL; unset = no CDN")
    cdn_token: SecretStr | None = Field(None, description="Bearer token of the purge call")
    cdn_timeout_s: Seconds = Field(5, description="One purge call")

    drain_s: Seconds = Field(25, description="How long SIGTERM lets jobs finish before they are released")
    http_host: str = Field("127.0.0.1", description="Address of /livez, /readyz, /metrics")
    http_port: int = Field(
        default_factory=lambda known: 0 if known.get("mode") == "embedded" else 8100,
        ge=0,
        le=65535,
        description="Port of the same; 0 = any free one, which `justlens status` names",
    )
    api_host: str = Field("127.0.0.1", description="Address of the API")
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the API; 0 = any free one")
    api_keys: ApiKeys | None = Field(
        None,
        description='Keys by name, as JSON: {"shop": {"key": "…", "scopes": ["read"]}}; scopes: read, publish, admin',
    )
    api_cors_origins: list[str] = Field(
        default_factory=list, description='Web origins that may read the API, as JSON: ["https://shop.example"]'
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")
    log_file: SomePath | None = Field(None, description="Logs go here, those of child workers too; unset = stderr")
    log_format: Literal["auto", "json", "pretty"] = Field("auto", description="auto = pretty on a terminal")


def load_settings(**overrides: object) -> Settings:
    """The settings from the environment, ``overrides`` (command line) first. Raises ConfigurationError."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except SettingsError as error:  # a list or mapping that is not JSON
        raise ConfigurationError([_explain_unreadable(error)]) from error
    except ValidationError as error:
        raise ConfigurationError([_explain(*line) for line in _split(error)]) from error


def _explain(place: str, problem: str) -> str:
    name, _, inside = place.partition(".")
    return f"JUSTLENS_{name.upper()}: " + (f"{inside}: " if inside else "") + problem


def _explain_unreadable(error: SettingsError) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    if found is None or found[1] not in Settings.model_fields:
        return f"JUSTLENS_*: {error}; write it as JSON"
    return f"JUSTLENS_{found[1].upper()}: is not JSON; it is: {Settings.model_fields[found[1]].description}"


def _split(error: ValidationError) -> list[tuple[str, str]]:
    return [(line.partition(": ")[0], line.partition(": ")[2]) for line in explain_validation(error)]
