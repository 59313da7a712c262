"""Rows of a catalogue: JSON has its own types, a CSV has text only."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.publish.sources import entries
from orchestrator.domain.catalogue.rows import FIELDS, read_row
from orchestrator.domain.errors import JobRefused

IMAGE: dict[str, Any] = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**IMAGE, "valid": "yes"}, "valid: must be true or false (in JSON without quotes)"),
        ({**IMAGE, "quality": "0.5"}, "quality: must be a number (in JSON without quotes)"),
        ({"business_id": "b", "category_id": "c", "name": "n", "is_hot": 1}, "is_hot: must be true or false"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_own(row: dict[str, Any], said: str) -> None:
    with pytest.raises(JobRefused) as refused:
        read_row(json.dumps(row).encode())
    assert said in refused.value.reason.message


def test_the_cells_of_a_csv_are_read_as_what_their_fields_are(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    path.write_text("business_id,image_id,image_url,valid,quality\n7,0012,https://e.x/1,False,0.25\n")

    [entry] = entries(str(path), "csv", {}, FIELDS)
    [image] = read_row(entry.body).images

    assert (image.business_id, image.image_id, image.valid, image.quality) == ("7", "0012", False, 0.25)
