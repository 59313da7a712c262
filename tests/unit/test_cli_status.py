"""`justlens status`: the workers, on a terminal of 80 columns."""

from io import StringIO
from typing import Any

from rich.console import Console

from orchestrator.cli.status import render
from workers.wire import WIRE_VERSION

LONG = "https://enhance-worker-7.gpu.internal.a-company-with-a-long-name.example:18101"


def worker(pool: str, url: str, **changes: Any) -> dict[str, Any]:
    row = {"pool": pool, "url": url, "state": "ready", "in_flight": None, "failures": 0, "model": "m", "release": "1.1"}
    return {**row, "problem": None, **changes}


def shown(*workers: dict[str, Any]) -> list[str]:
    console = Console(width=80, record=True, highlight=False, file=StringIO())
    answer = {"mode": "servers", "release": "1.1", "queues": [], "dead_letters": [], "workers": list(workers)}
    console.print(render(answer))
    return console.export_text().splitlines()


def test_addresses_and_models_are_folded_and_never_cut() -> None:
    model = "RRDBNet-x4@0123456789abcdef-with-a-name"
    lines = shown(worker("enhance", LONG, model=model), worker("clip", "http://10.0.0.2:8102"))

    assert max(map(len, lines)) <= 80
    squeezed = ["".join(line[start:end] for line in lines) for start, end in columns(lines)]
    assert any(LONG in column.replace(" ", "") for column in squeezed)
    assert any(model in column.replace(" ", "") for column in squeezed)
    assert "…" not in "".join(lines)


def columns(lines: list[str]) -> list[tuple[int, int]]:
    """Where the columns of the table below "Workers" lie."""
    head = lines[next(number for number, line in enumerate(lines) if line.lstrip().startswith("pool"))]
    starts = [head.index(name) for name in ("endpoint", "state", "model", "release")]
    return list(zip(starts, [*starts[1:], 80], strict=True))


def test_another_release_and_another_wire_are_named() -> None:
    problem = f"it is clip on justlens.wire/99 (release 2.0), wanted clip on {WIRE_VERSION} (release 1.1)"
    text = " ".join(
        shown(
            worker("enhance", "http://a:1", release="1.0"),
            worker("clip", "http://b:1", state="incompatible", model=None, release=None, problem=problem),
            worker("text", "http://c:1"),
        )
    )
    squeezed = " ".join(text.split())
    assert f"http://b:1: {problem}" in squeezed
    assert "http://a:1: release 1.0, and release 1.1 here" in squeezed
    assert "http://c:1: " not in squeezed
