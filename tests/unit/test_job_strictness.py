"""Jobs are as strict as the schemas that are published for them."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import Job, json_schema
from orchestrator.stages import STAGES

SHA = "ab" * 32
FIELDS: dict[str, Any] = {
    "business_id": "acme",
    "image_id": "7",
    "image_url": "https://x/7.png",
    "content": {"sha256": SHA, "phash": "0f", "width": 10, "height": 10, "format": "png", "bytes": 9},
    "enhanced": {"key": "k", "width": 20, "height": 20, "scale": 2.0, "model": "m", "source_sha256": SHA},
}
ODD: tuple[Any, ...] = ("yes", "true", "1", "1700000000000", 0, 1, 1.5, True, [], {}, [1], ["1"], {"width": "1"})
JOB_TYPES = sorted({stage.job_type for stage in STAGES.values()}, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_what_the_published_schema_refuses_is_refused(job_type: type[Job]) -> None:
    schema = json_schema(job_type)
    validator = Draft202012Validator(schema)
    fields = {name: value for name, value in FIELDS.items() if name in schema["properties"] and name != "schema"}
    assert validator.is_valid(fields) and decode_job(job_type, json.dumps(fields).encode())
    cases = [{**fields, name: odd} for name in schema["properties"] for odd in ODD]
    cases += [
        {**fields, part: {**fields[part], name: odd}}
        for part in ("content", "enhanced")
        if part in fields
        for name in fields[part]
        for odd in ODD
    ]
    for case in cases:
        if not validator.is_valid(case):
            with pytest.raises(JobRefused):
                decode_job(job_type, json.dumps(case).encode())
