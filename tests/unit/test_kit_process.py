"""What the tests' servers rest on: ports that nobody else gets, and logs that say why a server ended."""

import subprocess
import sys
from pathlib import Path

from tests.kit.ports import free_port
from tests.kit.process import last_words

ROOT = Path(__file__).parents[2]
ASK = "from tests.kit.ports import free_port; print(*(free_port() for _ in range(2000)))"


def test_no_port_is_given_out_twice_while_there_are_others() -> None:
    assert len({free_port() for _ in range(2000)}) == 2000


def test_two_test_processes_share_no_port() -> None:
    asked = [
        subprocess.run(
            [sys.executable, "-c", ASK],
            env={"PYTEST_XDIST_WORKER": name, "PYTEST_XDIST_WORKER_COUNT": "2"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in ("gw0", "gw1")
    ]
    first, second = (set(map(int, answer.stdout.split())) for answer in asked)
    assert len(first) == len(second) == 2000
    assert not first & second


def test_a_log_is_shown_where_a_program_in_go_says_why_it_ends() -> None:
    stacks = "goroutine 1 [running]:\n" * 1000
    log = "starting\n" * 1000 + "panic: listen tcp :1: address already in use\n\n" + stacks
    shown = last_words(log)
    assert "address already in use" in shown
    assert len(shown) <= 4000


def test_any_other_log_is_shown_from_its_end() -> None:
    assert last_words("a\n" * 5000 + "the reason") == ("a\n" * 5000 + "the reason")[-4000:]
