"""JUSTLENS_API_KEYS: who may ask the API for what, with mistakes in words that show no key."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, TypeAdapter
from pydantic import ValidationError as Invalid

Scope = Literal["read", "publish", "admin"]
EXAMPLE = '{"shop": {"key": "…", "scopes": ["read"]}}'
_MIN_LENGTH, _MAX_LENGTH = 16, 256
_KEY_RULE = (
    f"must have at least {_MIN_LENGTH} characters and {_MAX_LENGTH} at most, all of them printable ASCII and no space;"
    " make one with `openssl rand -hex 16`"
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class KeySpec(BaseModel):
    """A key as the operator writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    key: Annotated[str, StringConstraints(pattern=rf"^[!-~]{{{_MIN_LENGTH},{_MAX_LENGTH}}}$")] = Field(repr=False)
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]


_KEYS: TypeAdapter[dict[str, KeySpec]] = TypeAdapter(dict[Name, KeySpec])


def read_api_keys(text: str) -> Mapping[str, KeySpec]:
    """The keys by the name of their user; none in an empty text. Raises ValueError with every mistake and no key."""
    if not text.strip():
        return {}
    try:
        found = _KEYS.validate_json(text)
    except Invalid as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise ValueError("; ".join(map(_explain, problems))) from None
    if len({spec.key for spec in found.values()}) < len(found):
        raise ValueError("two names share one key; give each its own")
    return found


def _explain(problem: Any) -> str:
    place = problem["loc"]
    if not place:
        return f"{problem['msg']}; write {EXAMPLE}"
    what = _KEY_RULE if place[1:] == ("key",) and problem["type"] != "missing" else problem["msg"]
    return f"{'.'.join(map(str, place))}: {what}"


def _are_keys(value: SecretStr) -> SecretStr:
    read_api_keys(value.get_secret_value())
    return value


ApiKeys = Annotated[SecretStr, AfterValidator(_are_keys)]
