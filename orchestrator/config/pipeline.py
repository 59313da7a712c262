"""queues.yaml as frozen values. Unknown keys and impossible values are refused, all at once."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from orchestrator.config.urls import WorkerUrl
from orchestrator.domain.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
RetryDelay = Annotated[float, Field(ge=0.001, le=30 * 86400, allow_inf_nan=False)]
QueueName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _one_or_more(value: Any) -> Any:
    """A single name may be written without brackets."""
    return (value,) if isinstance(value, str) else value or ()


Pools = Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | tuple[str, ...])]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class QueueSpec(_Strict):
    """One queue: who works on it, how many at once, how failure is retried."""

    stage: str
    next: tuple[str, ...] = ()
    workers: Pools = ()
    consumers: int = Field(default=4, ge=1, le=256)
    deadline_s: Seconds = 120
    retry_delays_s: tuple[RetryDelay, ...] = Field(default=(5, 30, 300), max_length=8)
    delivery_limit: int = Field(default=20, ge=1, le=1000)
    max_length: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "QueueSpec":
        delays_ms = [round(delay_s * 1000) for delay_s in self.retry_delays_s]
        if delays_ms != sorted(set(delays_ms)):
            raise ValueError("retry_delays_s must rise from tier to tier, by a millisecond or more")
        return self


class PoolSpec(_Strict):
    """One worker pool. Times in seconds; ``max_in_flight`` is per endpoint."""

    endpoints: tuple[WorkerUrl, ...]
    policy: Literal["round_robin", "least_in_flight"] = "round_robin"
    max_in_flight: int = Field(default=4, ge=1, le=1024)
    timeout_s: Seconds = 60
    eject_after: int = Field(default=3, ge=1)
    probe_after_s: Seconds = 10


class Pipeline(_Strict):
    """The whole of queues.yaml."""

    version: Literal[1]
    defaults: dict[str, Any] = Field(default={}, exclude=True, description="Went into every queue when it was read")
    queues: dict[QueueName, QueueSpec] = Field(min_length=1)
    workers: dict[str, PoolSpec] = {}

    def pools_in_use(self) -> tuple[str, ...]:
        """The worker pools that queues call, each once, in the order of the file."""
        return tuple(dict.fromkeys(pool for queue in self.queues.values() for pool in queue.workers))

    def next_queues(self, queue: str) -> dict[str, str]:
        """Stage name to queue name, for the queues that may follow ``queue``."""
        return {self.queues[name].stage: name for name in self.queues[queue].next}


def _with_defaults(document: Any) -> Any:
    if not isinstance(document, dict):
        return document
    defaults = document.get("defaults")
    queues = document.get("queues")
    if isinstance(defaults, dict) and isinstance(queues, dict):
        return {**document, "queues": {k: {**defaults, **v} if isinstance(v, dict) else v for k, v in queues.items()}}
    return document


def _names_that_point_nowhere(document: Any, known_stages: frozenset[str]) -> list[str]:
    """What no single entry can see. ``document`` may still be wrong in any other way: all is reported at once."""
    queues, pools = (_mapping(_mapping(document).get(key)) for key in ("queues", "workers"))
    stage_of = {name: _mapping(queue).get("stage") for name, queue in queues.items()}
    found: list[str] = []
    for name, queue in queues.items():
        stage, pool, following = (_mapping(queue).get(key) for key in ("stage", "workers", "next"))
        if isinstance(stage, str) and stage not in known_stages:
            found.append(f"queues.{name}.stage: no stage '{stage}'; known: {', '.join(sorted(known_stages))}")
        wanted = [pool] if isinstance(pool, str) else pool if isinstance(pool, list) else []
        found += [f"queues.{name}.workers: no pool '{p}' under workers" for p in wanted if p not in pools]
        nexts = [n for n in following if isinstance(n, str)] if isinstance(following, list) else []
        found += [f"queues.{name}.next: no queue '{n}' under queues" for n in nexts if n not in queues]
        stages = [str(stage_of[n]) for n in nexts if n in queues]
        if len(stages) != len(set(stages)):
            found.append(f"queues.{name}.next: two queues run the same stage, the successor is ambiguous")
    return found


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def parse_pipeline(text: str, known_stages: frozenset[str], source: str = "queues.yaml") -> Pipeline:
    """The pipeline that ``text`` describes. Raises ConfigurationError listing every mistake."""
    try:
        document = _with_defaults(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigurationError([f"{source}: not YAML: {error}"]) from error
    problems = _names_that_point_nowhere(document, known_stages)
    try:
        pipeline = Pipeline.model_validate(document)
    except ValidationError as error:
        problems = explain_validation(error) + problems
        raise ConfigurationError([f"{source}: {line}" for line in problems]) from error
    if problems:
        raise ConfigurationError([f"{source}: {line}" for line in problems])
    return pipeline


def load_pipeline(path: Path, known_stages: frozenset[str]) -> Pipeline:
    """Read and check queues.yaml. Raises ConfigurationError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read ({error.strerror}); set JUSTLENS_QUEUES_FILE"]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: is not a text in UTF-8; set JUSTLENS_QUEUES_FILE"]) from error
    return parse_pipeline(text, known_stages, str(path))


def explain_validation(error: ValidationError) -> list[str]:
    """One line a person understands per mistake: the field, then what is wrong with it."""
    lines = []
    for item in error.errors(include_url=False, include_context=False):
        if item["type"] == "default_factory_not_called":
            continue  # its default rests on another field, whose own mistake is in the list
        where = ".".join(str(part) for part in item["loc"]) or "the document"
        what = {"extra_forbidden": "is not a known key; remove it or correct its spelling"}.get(
            item["type"], item["msg"].removeprefix("Value error, ")
        )
        lines.append(f"{where}: {what}")
    return lines
