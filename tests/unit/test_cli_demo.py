"""What the demo makes of results: how far the jobs are, who made what, and no word more than the results say."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.demo.answer import answer_url
from orchestrator.cli.demo.pictures import sample_catalogue, sample_pictures
from orchestrator.cli.demo.progress import Ends, ends_by_stage, note_of, queues_of
from orchestrator.cli.demo.relevance import Makers, RelevanceRow, explain_makers, makers_of, relevance_row
from orchestrator.config import load_settings
from orchestrator.domain.catalogue.rows import read_row
from orchestrator.domain.errors import ConfigurationError
from orchestrator.wiring import load_checked_pipeline

PIPELINE = load_checked_pipeline(load_settings(queues_file=Path(__file__).parents[2] / "queues.yaml"))
QUEUES = queues_of(PIPELINE)


def ends(**outcomes: str) -> dict[str, Any]:
    recorded = [{"queue": QUEUES[stage], "outcome": outcome} for stage, outcome in outcomes.items()]
    return ends_by_stage(recorded, QUEUES)


@pytest.mark.parametrize(
    ("enhance", "relevance", "complete"),
    [
        ({}, {}, False),
        ({"enhance": "done"}, {"score": "done", "seo": "done"}, False),
        ({"enhance": "dead"}, {"describe": "routed"}, False),
        ({"enhance": "dead"}, {"describe": "routed", "tag": "dead"}, True),
        ({"enhance": "done", "enhance_update": "done"}, {"describe": "done", "score": "dead"}, False),
        ({"enhance": "done", "enhance_update": "done"}, {"describe": "done", "score": "dead", "seo": "done"}, True),
        ({"enhance": "dropped"}, {"tag": "done", "describe": "dead"}, True),
    ],
)
def test_a_picture_is_through_when_nothing_more_can_come(
    enhance: dict[str, str], relevance: dict[str, str], complete: bool
) -> None:
    assert Ends([ends(**enhance)], [ends(**relevance)]).complete is complete


def test_a_bar_counts_only_jobs_that_will_come_there() -> None:
    found = Ends(
        [ends(enhance="done", enhance_update="done"), ends(enhance="dead"), ends()],
        [
            ends(tag="done", describe="done", score="done"),
            ends(describe="done"),  # it had tags already
            ends(describe="routed", tag="dead"),
        ],
    )

    figures = {stage: found.figures(stage) for stage in QUEUES}
    assert figures == {
        "enhance": (2, 3),
        "enhance_update": (1, 1),
        "tag": (2, 2),
        "describe": (2, 2),
        "score": (1, 2),
        "seo": (0, 2),
    }


def test_a_note_says_what_a_queue_waits_for() -> None:
    assert note_of({"ready": 3, "unacked": 0}, ["text"]) == "waits for text worker"
    assert note_of({"ready": 0, "unacked": 0}, ["text"]) == ""
    assert note_of({"unacked": 2, "retrying": 1, "dead": 4}, []) == "2 active, 1 waiting, 4 dead"


def test_a_pipeline_without_one_of_the_stages_is_refused() -> None:
    one_road = PIPELINE.model_copy(update={"queues": {"q": PIPELINE.queues["image_enhance_process"]}})

    with pytest.raises(ConfigurationError, match="no queue runs enhance_update, tag"):
        queues_of(one_road)


def test_only_what_a_dummy_made_is_called_a_dummys() -> None:
    dummy = explain_makers(Makers(("dummy",), ("dummy",), ("text/minilm",)))
    assert "come from the dummy model" in dummy and "knows nothing" in dummy and "text/minilm" in dummy

    mixed = explain_makers(Makers(("dummy",), ("llava",), ("text/minilm",)))
    assert "knows nothing" in mixed and "placeholder" not in mixed

    real = explain_makers(Makers(("ViT-B-32",), ("llava",), ("text/minilm",)))
    assert "dummy" not in real and "Tags and quality here come from ViT-B-32" in real


def test_a_row_has_the_best_category_and_the_models_are_those_of_the_sections() -> None:
    known = {
        "business_id": "b",
        "image_id": "i",
        "metadata": {
            "clip": {"tags": [["cup", 0.9]], "quality": 0.5, "model": "M1"},
            "description": {"model": "M2"},
        },
        "relevance": {"scores": [{"name": "A", "score": 0.2}, {"name": "B", "score": 0.7}], "model": "M3"},
        "alt_text": {"alt_text": "A cup"},
    }

    row = relevance_row(known, ends(tag="done"))
    assert row == RelevanceRow("b", "i", ("cup",), "A cup", "B", 0.7, 2, 0.5)
    assert makers_of([known]) == Makers(("M1",), ("M2",), ("M3",))
    assert relevance_row({**known, "metadata": None}, {}).problem == "not yet"
    dead = {"tag": {"outcome": "dead", "reason": {"code": "not_an_image"}}}
    assert relevance_row(known, dead).problem == "dead: not_an_image"


def test_the_api_is_asked_for_the_business_with_the_most_pictures_that_went_through() -> None:
    rows = [RelevanceRow("a", "1", problem="dead: x"), RelevanceRow("a", "2"), RelevanceRow("b", "1")]

    assert answer_url("http://h:1", rows).startswith("http://h:1/v1/relevancy/a?")
    assert answer_url("http://h:1", [*rows, RelevanceRow("b", "2")]).startswith("http://h:1/v1/relevancy/b?")


def test_every_sample_business_has_categories_one_of_them_hot() -> None:
    rows = [read_row(row.encode()) for row in sample_catalogue()]

    assert {row.business_id for row in rows} >= {picture.business for picture in sample_pictures() if picture.relevance}
    assert all(sum(category.is_hot for category in row.categories) == 1 for row in rows)
