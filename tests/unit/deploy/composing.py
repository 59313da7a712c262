"""Compose files as `docker compose` would read them: variables filled in, files merged, services of chosen profiles."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "deploy" / "compose"
FILES = ("base.yaml", "cpu.yaml", "gpu.yaml", "triton.yaml")
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z0-9_]+)(?::(?P<kind>[-?])(?P<rest>[^{}]*))?\})")

Service = Mapping[str, Any]


class Missing(Exception):
    """A variable that the file insists on has no value."""


def read(name: str) -> Any:
    """One file, its variables not filled in."""
    return yaml.safe_load((COMPOSE / name).read_text())


def fill(value: Any, environment: Mapping[str, str]) -> Any:
    """``value`` with every ``${…}`` filled in. Raises Missing."""
    if isinstance(value, dict):
        return {key: fill(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, environment) for inner in value]
    return _VARIABLE.sub(lambda found: _value(found, environment), value) if isinstance(value, str) else value


def _value(found: re.Match[str], environment: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    given = environment.get(found["name"], "")
    if not given and found["kind"] == "?":
        raise Missing(found["name"])
    return given or (found["rest"] if found["kind"] == "-" else "")


def merge(first: Any, second: Any) -> Any:
    """Mappings are merged, everything else is replaced: the files have no lists in common."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: merge(first.get(key), value) for key, value in second.items()}}
    return first if second is None else second


def merged(environment: Mapping[str, str], names: Sequence[str] = FILES) -> Any:
    """All files as one, variables filled in."""
    result: Any = {}
    for name in names:
        result = merge(result, fill(read(name), environment))
    return result


def example() -> dict[str, str]:
    """The variables of example.env, those in comments included."""
    lines = (COMPOSE / "example.env").read_text().splitlines()
    found = (re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line) for line in lines)
    return {match[1]: match[2].strip("'") for match in found if match}


def filled() -> dict[str, str]:
    """The same as an operator would have it: every value that is missing, put in."""
    given = {name: value or f"value-of-{name.lower().replace('_', '-')}" for name, value in example().items()}
    keys = '{"shop": {"key": "value-of-16-and-more", "scopes": ["read"]}}'
    return {**given, "WEIGHTS_DIR": "/srv/weights", "JUSTLENS_API_KEYS": keys}


def variables(value: Any) -> Iterator[tuple[str, str | None]]:
    """Every variable that is asked for, with ``?``, ``-`` or None; a JUSTLENS_ entry without a value is one too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None and isinstance(key, str) and key.isupper():
                yield key, None
            yield from variables(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from variables(inner)
    elif isinstance(value, str):
        for found in _VARIABLE.finditer(value):
            if found["name"]:
                yield found["name"], found["kind"]
