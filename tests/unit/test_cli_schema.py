"""The committed documents are the generated ones, and they mean what the code means."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from orchestrator.cli import application
from orchestrator.cli.schema.command import all_documents, file_name, file_text
from orchestrator.config import Pipeline, load_settings
from orchestrator.domain.catalogue.rows import read_row
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.events import EVENTS_EXCHANGE, event_body
from orchestrator.domain.outcome import Announce
from orchestrator.runtime.rabbitmq import wanted_queues
from orchestrator.wiring import load_checked_pipeline

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "schemas"
QUEUES = {"JUSTLENS_QUEUES_FILE": str(ROOT / "queues.yaml")}


def pipeline() -> Pipeline:
    return load_checked_pipeline(load_settings(queues_file=ROOT / "queues.yaml"))


DOCUMENTS = all_documents(pipeline)


def validator(name: str) -> jsonschema.Draft202012Validator:
    document = DOCUMENTS[name]()
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_committed_document_is_the_generated_one(name: str) -> None:
    committed = (FOLDER / file_name(name)).read_text()

    assert committed == file_text(DOCUMENTS[name]()), "run: justlens schema --to deploy/schemas"


def test_there_is_no_document_that_nothing_generates() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {file_name(name) for name in DOCUMENTS}


def test_the_schema_of_queues_yaml_takes_the_one_of_the_project_and_refuses_a_misspelt_key() -> None:
    queues = validator("justlens.queues/1")
    document = yaml.safe_load((ROOT / "queues.yaml").read_text())

    assert list(queues.iter_errors(document)) == []
    document["defaults"]["consumer"] = 3
    assert list(queues.iter_errors(document))


def test_a_schema_refuses_what_a_stage_would_refuse() -> None:
    jobs = validator("justlens.enhance/1")
    job = {"business_id": "b", "image_id": 7, "image_url": "https://e.x/a.jpg"}

    assert list(jobs.iter_errors(job)) == []
    assert list(jobs.iter_errors({**job, "forse": True}))
    assert list(jobs.iter_errors({"business_id": "b"}))


def test_the_schema_of_events_takes_every_event_that_is_told() -> None:
    events = validator("justlens.event/1")
    document: dict[str, Any] = {}
    for name in ("image.enhanced", "image.scored", "image.alt_text"):
        document = json.loads(event_body(Announce(name, "b", "i", "j", "v"), 1_700_000_000_000))  # type: ignore[arg-type]
        assert list(events.iter_errors(document)) == []
        assert document.keys() == DOCUMENTS["justlens.event/1"]()["properties"].keys()
    assert list(events.iter_errors({**document, "event": "image.lost"}))


@pytest.mark.parametrize(
    ("row", "valid"),
    [
        ({"business_id": "b", "categories": [{"category_id": 1, "name": "Bakery", "is_hot": True}]}, True),
        ({"business_id": "b", "category_id": "1", "name": "Bakery"}, True),
        ({"business_id": "b", "image_id": "1", "image_url": "https://e.x/1", "quality": 0.5}, True),
        ({"business_id": "b", "image_id": "1", "image_url": "https://e.x/1", "quality": 2}, False),
        ({"business_id": "b", "category_id": "1"}, False),
        ({"categories": []}, False),
    ],
)
def test_the_schema_of_catalogue_rows_says_what_loading_says(row: dict[str, Any], valid: bool) -> None:
    assert (list(validator("justlens.catalogue/1").iter_errors(row)) == []) is valid
    try:
        read_row(json.dumps(row).encode())
    except JobRefused:
        assert not valid
    else:
        assert valid


def test_the_asyncapi_document_has_every_queue_of_the_broker_and_every_reference_leads_somewhere() -> None:
    document = DOCUMENTS["asyncapi"]()

    queues = {queue.name for queue in wanted_queues(pipeline(), "")}
    channels = document["channels"]
    assert {c["address"] for c in channels.values() if c["bindings"]["amqp"]["is"] == "queue"} == queues
    assert channels["events"]["bindings"]["amqp"]["exchange"]["name"] == EVENTS_EXCHANGE
    assert channels["events"]["bindings"]["amqp"]["exchange"]["type"] == "topic"
    references = list(references_in(document))
    assert len(references) > len(queues)
    for reference in references:
        assert (FOLDER / reference).is_file() if reference.startswith("./") else found_at(document, reference)


def references_in(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from references_in(item)


def found_at(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return bool(document)


def test_one_document_or_all_of_them_are_one_json_document(tmp_path: Path) -> None:
    runner = CliRunner(env=QUEUES)

    everything = json.loads(runner.invoke(application(), ["schema"]).stdout)
    assert everything.keys() == DOCUMENTS.keys()
    for name, full in (("enhance", "justlens.enhance/1"), ("openapi", "openapi"), ("justlens.event/1",) * 2):
        assert json.loads(runner.invoke(application(), ["schema", name]).stdout) == everything[full]
    runner.invoke(application(), ["schema", "--to", str(tmp_path / "new")])
    assert len(list((tmp_path / "new").iterdir())) == len(DOCUMENTS)


def test_a_schema_that_no_pipeline_is_needed_for_is_printed_without_one(tmp_path: Path) -> None:
    runner = CliRunner(env={"JUSTLENS_QUEUES_FILE": str(tmp_path / "none.yaml")})

    assert runner.invoke(application(), ["schema", "event"]).exit_code == 0
    assert runner.invoke(application(), ["schema", "asyncapi"]).exit_code == 3


def test_a_file_where_the_folder_is_wanted_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(
        application(), ["schema", "enhance", "--to", str(tmp_path / "file")], env={"COLUMNS": "300"}
    )
    assert result.exit_code == 2 and "File exists" in result.output
