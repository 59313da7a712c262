"""The committed JSON Schemas are the generated ones, and they mean what the code means."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from orchestrator.cli import application
from orchestrator.cli.schema import all_schemas, file_name, file_text

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "schemas"


@pytest.mark.parametrize("name", all_schemas())
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    committed = (FOLDER / file_name(name)).read_text()

    assert committed == file_text(all_schemas()[name]), "run: justlens schema --to deploy/schemas"


def test_there_is_no_schema_that_nothing_generates() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_name(name) for name in all_schemas()}


def test_the_schema_of_queues_yaml_takes_the_one_of_the_project_and_refuses_a_misspelt_key() -> None:
    validator = jsonschema.Draft202012Validator(all_schemas()["justlens.queues/1"])
    document = yaml.safe_load((ROOT / "queues.yaml").read_text())

    assert list(validator.iter_errors(document)) == []
    document["defaults"]["consumer"] = 3
    assert list(validator.iter_errors(document))


def test_a_schema_refuses_what_a_stage_would_refuse() -> None:
    validator = jsonschema.Draft202012Validator(all_schemas()["justlens.enhance/1"])
    job = {"business_id": "b", "image_id": 7, "image_url": "https://e.x/a.jpg"}

    assert list(validator.iter_errors(job)) == []
    assert list(validator.iter_errors({**job, "forse": True}))
    assert list(validator.iter_errors({"business_id": "b"}))


def test_one_schema_or_all_of_them_are_one_json_document(tmp_path: Path) -> None:
    runner = CliRunner()

    assert json.loads(runner.invoke(application(), ["schema"]).stdout) == all_schemas()
    one = runner.invoke(application(), ["schema", "enhance"])
    assert json.loads(one.stdout) == all_schemas()["justlens.enhance/1"]
    runner.invoke(application(), ["schema", "--to", str(tmp_path / "new")])
    assert len(list((tmp_path / "new").iterdir())) == len(all_schemas())
