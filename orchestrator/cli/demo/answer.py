"""The demo asks its own API, as a page would: over HTTP."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.cli.demo.relevance import RelevanceRow
from orchestrator.cli.terminal import PIPE_WIDTH, plain, table

TRIES = 10
PAUSE_S = 0.3
LIMIT = 5
TIMEOUT_S = 5.0


def answer_url(api_url: str, rows: Iterable[RelevanceRow]) -> str:
    """The request for the business with the most pictures that went through, the first of several."""
    pictures = Counter(row.business for row in rows if not row.problem)
    business = max(pictures, key=lambda name: pictures[name], default="nobody")
    return f"{api_url}/v1/relevancy/{business}?limit={LIMIT}"


async def fetch_answer(url: str) -> dict[str, Any] | None:
    """The API's answer; None when there is none. One that lacks a part is asked for again: the machine is busy."""
    import aiohttp

    from orchestrator.clients.http import TRANSPORT_ERRORS, open_session

    answer: dict[str, Any] | None = None
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with open_session() as session:
        for _ in range(TRIES):
            try:
                async with session.get(url, timeout=timeout) as reply:
                    answer = await reply.json() if reply.status == 200 else answer
                    if reply.status == 404:
                        return None
            except TRANSPORT_ERRORS:
                return None
            if answer is not None and not answer["degraded"]:
                return answer
            await asyncio.sleep(PAUSE_S)
    return answer


def show_answer(console: Console, answer: Mapping[str, Any] | None, url: str) -> None:
    """The three blocks of a result page."""
    if answer is None:
        console.print(plain(f"The API gave no answer to {url}", "red"))
        return
    about = f"basis {answer['basis']}"
    if answer["degraded"]:
        about += f"; could not be read in time: {', '.join(answer['degraded'])}"
    console.print(
        plain(f"What a page gets for {answer['business_id']}", "bold").append(f" ({about})", style="not bold")
    )
    columns = ["block", "image, alt text", "basis", "score", "quality", "size"]
    made = table("", columns, numbers=["score", "quality", "size"])
    made.title = None
    made.expand = console.width < PIPE_WIDTH
    made.columns[1].no_wrap, made.columns[1].overflow, made.columns[1].ratio = True, "ellipsis", 1
    for block in ("static", "dynamic", "carousel"):
        _add_block(made, block, answer[block])
    console.print(made)


def show_address(console: Console, api_url: str, url: str) -> None:
    """How to ask for the answer, while the API is there."""
    console.print(plain(f"API   {api_url}, as long as the demo runs"))
    console.print(plain(f"Docs  {api_url}/docs"))
    console.print(Text("Try   ").append(f"curl '{url}'", style="cyan"), soft_wrap=True)
    console.print()


def show_api_command(console: Console, command: str) -> None:
    """How to ask for such answers once the demo has ended, and its API with it."""
    console.print(Text("API   ").append(f"{command} api", style="cyan").append(" serves such answers"), soft_wrap=True)
    console.print()


def _add_block(made: Table, block: str, pictures: Any) -> None:
    found = pictures if isinstance(pictures, list) else [pictures] if pictures else []
    if not found:
        made.add_row(block, Text("nothing to show", style="dim"))
    for place, picture in enumerate(found):
        score, quality = ("-" if picture[key] is None else f"{picture[key]:.2f}" for key in ("score", "quality"))
        size = f"{picture['width']}x{picture['height']}" if picture["width"] else "-"
        name = plain(picture["image_id"], "green" if picture["enhanced"] else "")
        shown = Text("\n").join([name, plain(picture["alt_text"] or "no alt text", "dim")])
        made.add_row("" if place else block, shown, plain(picture["basis"]), score, quality, size)
