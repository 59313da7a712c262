"""Tables in a narrow terminal and in pipes: nothing that matters is hidden."""

import io
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from orchestrator.cli.dlq.render import letter_table
from orchestrator.cli.terminal import PIPE_WIDTH, shorten, stdout, table

LETTER: dict[str, Any] = {
    "letter_id": "018bcfe5-6800-7000-8000-00000000abcd",
    "queue": "image_relevance_seo_process",
    "business_id": "\U0001f355" * 128,
    "image_id": "long-" * 25 + "end",
    "reason": "address_refused",
    "message": "http://127.0.0.1:8099/plain.jpg: 127.0.0.1 is not a public address",
    "attempts": 7,
    "replays": 3,
    "parked": True,
    "died_at": 0,
}


def printed(made: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(made)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 180])
def test_one_long_id_hides_neither_reason_nor_tries(width: int) -> None:
    text = printed(letter_table([LETTER, {**LETTER, "image_id": "7"}], "Dead letters", width), width)

    words = " ".join(text.split())
    for known in (LETTER["letter_id"], LETTER["queue"], "address_refused", "127.0.0.1 is", "3 parked", "unknown"):
        assert known in words
    assert ("tries 7" in words) == (width < 100) and "7" in words
    assert max(len(line) for line in text.splitlines()) <= width
    assert len(text.splitlines()) < 20


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("front-door", 10, "front-door"),
        ("front-door-of-the-shop", 11, "front…-shop"),
        ("\U0001f355" * 20, 9, "\U0001f355\U0001f355…\U0001f355\U0001f355"),
        ("", 5, ""),
    ],
)
def test_an_id_is_shortened_in_its_middle(text: str, cells: int, shown: str) -> None:
    assert shorten(text, cells) == shown


def test_a_long_word_goes_on_in_the_next_line_instead_of_being_cut() -> None:
    made = table("T", ("name", "count"), numbers=("count",))
    made.add_row("a_queue_with_a_name_longer_than_the_table", "7")
    assert "…" not in printed(made, 30)


def test_tables_in_a_pipe_are_wide_unless_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert stdout().width == PIPE_WIDTH
    monkeypatch.setenv("COLUMNS", "80")
    assert stdout().width == 80
