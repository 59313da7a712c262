"""What `justlens config` shows, and what it never shows."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli import application
from orchestrator.cli.config import masked
from orchestrator.cli.exits import ExitCode
from orchestrator.config import Settings

QUEUES = Path(__file__).parents[2] / "queues.yaml"
CANARY = "s3cr3t-canary"


def ask(*words: str, environment: dict[str, str] | None = None) -> Result:
    env = {"JUSTLENS_QUEUES_FILE": str(QUEUES), "COLUMNS": "200", **(environment or {})}
    return CliRunner().invoke(application(), words, env=env)


def test_a_setting_that_is_no_json_is_a_configuration_error() -> None:
    result = ask("config", environment={"JUSTLENS_ENDPOINTS": "{not json"})

    assert result.exit_code == ExitCode.CONFIGURATION and "ENDPOINTS" in result.stderr


def test_config_says_where_each_value_comes_from(tmp_path: Path) -> None:
    result = ask("--data-dir", str(tmp_path), "config", "--json", environment={"JUSTLENS_DRAIN_S": "7"})

    found = {line["name"]: (line["value"], line["origin"]) for line in json.loads(result.stdout)["settings"]}
    assert found.keys() == Settings.model_fields.keys()
    assert found["data_dir"] == (str(tmp_path), "command line")
    assert found["drain_s"] == (7.0, "environment")
    assert found["http_host"] == ("127.0.0.1", "default")
    assert "image_enhance_process" in json.loads(result.stdout)["pipeline"]["queues"]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_config_shows_no_secret_in_any_form(options: tuple[str, ...]) -> None:
    environment = {
        "JUSTLENS_AMQP_URL": f"amqps://user:{CANARY}@mq.example:5671/shop,amqps://u:{CANARY}@mq2.example/shop",
        "JUSTLENS_MANAGEMENT_URL": f"https://{CANARY}:x@mq.example/",
        "JUSTLENS_MONGO_URL": f"mongodb://u:{CANARY}@a.example,b.example/?tlsCertificateKeyFilePassword={CANARY}",
        "JUSTLENS_S3_ACCESS_KEY": CANARY,
        "JUSTLENS_S3_SECRET_KEY": CANARY,
        "JUSTLENS_S3_ENDPOINT": f"http://u:{CANARY}@s3.example",
        "JUSTLENS_CDN_TOKEN": CANARY,
        "JUSTLENS_CDN_PURGE_URL": f"https://cdn.example/purge?key={CANARY}",
        "JUSTLENS_ENDPOINTS": json.dumps({"enhance": [f"http://u:{CANARY}@gpu.example:8101"]}),
    }

    result = ask("config", *options, environment=environment)

    assert result.exit_code == 0 and CANARY not in result.output
    for host in ("mq.example", "mq2.example", "s3.example", "cdn.example", "gpu.example"):
        assert host in result.output


def test_masking_keeps_what_is_no_secret() -> None:
    assert masked({"a": ("x", 1, None, "http://h/p")}) == {"a": ["x", 1, None, "http://h/p"]}
    assert masked(f"http://u:{CANARY}@h/p") == "http://***@h/p"
