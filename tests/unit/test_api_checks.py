"""What `doctor` and `config` say of the API's keys: who is let in, or what to mend, and never a key."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli import application
from orchestrator.cli.doctor.api_checks import api_checks
from orchestrator.cli.doctor.checks import carry_out
from orchestrator.cli.exits import ExitCode
from orchestrator.config import load_settings

KEYS = '{"shop": {"key": "canary-canary-canary", "scopes": ["read", "publish"]}}'


@pytest.mark.parametrize("command", ["config", "doctor"])
@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{x", 'write {"shop": {"key": "…", "scopes": ["read"]}}'),
        (KEYS.replace("canary-canary-canary", "canary"), "shop.key: must have at least 16 characters"),
    ],
)
def test_keys_that_cannot_be_used_end_it_with_the_remedy(tmp_path: Path, command: str, keys: str, said: str) -> None:
    words = ("--data-dir", str(tmp_path / "data"), command)
    result = CliRunner().invoke(application(), words, env={"JUSTLENS_API_KEYS": keys})
    assert result.exit_code == ExitCode.CONFIGURATION
    assert "JUSTLENS_API_KEYS: " in result.stderr and said in result.stderr and "canary" not in result.output


@pytest.mark.parametrize(
    ("changes", "state", "detail"),
    [
        ({}, "ok", "requests from this machine need none"),
        ({"api_keys": KEYS, "api_host": "0.0.0.0"}, "ok", "shop (publish, read)"),
        ({"api_keys": KEYS, "mode": "servers"}, "ok", "shop (publish, read)"),
        ({"api_host": "0.0.0.0"}, "failing", "JUSTLENS_API_KEYS: is not set"),
        ({"api_keys": " ", "api_host": "0.0.0.0"}, "failing", "JUSTLENS_API_KEYS: is not set"),
    ],
)
async def test_doctor_says_who_is_let_in(changes: dict[str, str], state: str, detail: str) -> None:
    [finding] = await carry_out(api_checks(load_settings(**changes)))
    assert (finding.name, finding.state) == ("api keys", state) and detail in finding.detail
    assert "canary" not in finding.detail


def test_with_servers_the_api_may_run_elsewhere() -> None:
    assert api_checks(load_settings(mode="servers")) == []
