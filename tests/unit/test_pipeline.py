"""queues.yaml: what it means, and every mistake in it at once."""

from pathlib import Path

import pytest

from orchestrator.config import Pipeline, QueueSpec, load_pipeline, parse_pipeline
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.queue_names import retry_queue
from orchestrator.stages import STAGES

KNOWN = frozenset({"enhance", "enhance_update"})
SHIPPED = Path(__file__).parents[2] / "queues.yaml"
SMALL = "version: 1\nqueues:\n  q: {stage: enhance}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        parse_pipeline(text, KNOWN, "q.yaml")
    return list(refused.value.problems)


def queue(**fields: object) -> str:
    return f"version: 1\nqueues:\n  q: { ({'stage': 'enhance'} | fields)!r}\n".replace("None", "null")


def test_the_pipeline_that_is_shipped_is_sound() -> None:
    pipeline = load_pipeline(SHIPPED, frozenset(STAGES))
    assert pipeline.next_queues("image_enhance_process") == {"enhance_update": "image_enhance_update"}
    assert pipeline.next_queues("image_enhance_bulk") == {"enhance_update": "image_enhance_update"}
    assert pipeline.next_queues("image_enhance_update") == {}
    assert {spec.stage for spec in pipeline.queues.values()} == set(STAGES), "every stage has a queue"


def test_what_a_queue_leaves_out_comes_from_the_defaults_and_then_from_the_code() -> None:
    text = """
    version: 1
    defaults: {consumers: 7, retry_delays_s: [1, 2]}
    queues:
      a: {stage: enhance, consumers: 2}
      b: {stage: enhance, retry_delays_s: []}
    """
    pipeline = parse_pipeline(text, KNOWN)
    assert pipeline.queues["a"] == QueueSpec(stage="enhance", consumers=2, retry_delays_s=(1, 2))
    assert pipeline.queues["b"] == QueueSpec(stage="enhance", consumers=7, retry_delays_s=())
    assert pipeline.queues["a"].deadline_s == 120 and pipeline.queues["a"].delivery_limit == 20


def test_defaults_are_not_part_of_what_is_in_force() -> None:
    pipeline = parse_pipeline(SMALL + "defaults: {consumers: 3}\n", KNOWN)
    assert set(pipeline.model_dump()) == {"version", "queues", "workers"}
    assert pipeline.model_dump()["queues"]["q"]["consumers"] == 3


def test_a_second_lane_is_one_more_queue_with_the_same_stage_and_its_own_tiers() -> None:
    pipeline = load_pipeline(SHIPPED, frozenset(STAGES))
    tiers = {
        retry_queue(name, delay_s)
        for name in ("image_enhance_process", "image_enhance_bulk")
        for delay_s in pipeline.queues[name].retry_delays_s
    }
    assert len(tiers) == 6


def test_every_mistake_is_reported_at_once() -> None:
    text = """
    version: 2
    colour: red
    defaults: {consumer: 4}
    queues:
      Big Queue: {stage: enhance}
      a: {stage: enhence, next: [nowhere, b, c], workers: gpu, consumers: 0}
      b: {stage: enhance, retry_delays_s: [5, 5]}
      c: {stage: enhance, deadline_s: -1}
      d: 7
    workers:
      enhance: {endpoints: ["http://x", "gpu1:8101"], policy: random}
    """
    found = problems(text)
    for beginning in [
        "version: Input should be 1",
        "colour: is not a known key",
        "queues.Big Queue.[key]: String should match pattern",
        "queues.a.consumer: is not a known key; remove it or correct its spelling",
        "queues.a.consumers: Input should be greater than or equal to 1",
        "queues.a.stage: no stage 'enhence'; known: enhance, enhance_update",
        "queues.a.next: no queue 'nowhere' under queues",
        "queues.a.next: two queues run the same stage, the successor is ambiguous",
        "queues.a.workers: no pool 'gpu' under workers",
        "queues.b.consumer: is not a known key",
        "queues.c.deadline_s: Input should be greater than 0",
        "queues.d: Input should be a valid dictionary",
        "workers.enhance.endpoints.1: 'gpu1:8101' is no worker's URL; write http://host:port",
        "workers.enhance.policy: Input should be 'round_robin' or 'least_in_flight'",
    ]:
        assert any(line.startswith(f"q.yaml: {beginning}") for line in found), (beginning, found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (queue(retry_delays_s=[30, 5]), "retry_delays_s must rise from tier to tier"),
        (queue(retry_delays_s=[1, 1.0004]), "by a millisecond or more"),
        (queue(retry_delays_s=[0]), "queues.q.retry_delays_s.0: Input should be greater than or equal to 0.001"),
        (queue(retry_delays_s=[10**8]), "queues.q.retry_delays_s.0: Input should be less than or equal to"),
        (queue(retry_delays_s=[1, 2, 3, 4, 5, 6, 7, 8, 9]), "queues.q.retry_delays_s: Tuple should have at most 8"),
        (queue(consumers=257), "queues.q.consumers: Input should be less than or equal to 256"),
        (queue(deadline_s=0), "queues.q.deadline_s: Input should be greater than 0"),
        (queue().replace("'enhance'", "'enhance', deadline_s: .inf"), "queues.q.deadline_s: Input should be a finite"),
        (queue().replace("'enhance'", "'enhance', deadline_s: .nan"), "queues.q.deadline_s: Input should be"),
        (queue(max_length=0), "queues.q.max_length"),
        (queue(delivery_limit=0), "queues.q.delivery_limit"),
        ("version: 1\nqueues: {q: {}}", "queues.q.stage: Field required"),
        ("version: 1\nqueues: {}", "queues: Dictionary should have at least 1 item"),
        ("version: 1", "queues: Field required"),
        (SMALL + "defaults: [consumers]", "defaults: Input should be a valid dictionary"),
        ("", "the document: Input should be a valid dictionary"),
        ("- a\n- b", "the document: Input should be a valid dictionary"),
        ("a: [", "not YAML"),
        (SMALL + "x: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, said: str) -> None:
    assert any(said in line for line in problems(text)), problems(text)


def test_an_ambiguous_successor_is_a_mistake_but_the_same_stage_in_another_lane_is_none() -> None:
    text = """
    version: 1
    queues:
      fast: {stage: enhance, next: [update]}
      slow: {stage: enhance, next: [update]}
      update: {stage: enhance_update}
    """
    assert isinstance(parse_pipeline(text, KNOWN), Pipeline)
    assert problems(text + "  both: {stage: enhance, next: [fast, slow]}") == [
        "q.yaml: queues.both.next: two queues run the same stage, the successor is ambiguous"
    ]


def test_a_file_that_is_not_there_is_the_operator_s_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read .* set JUSTLENS_QUEUES_FILE"):
        load_pipeline(tmp_path / "none.yaml", KNOWN)


def test_a_file_that_is_no_text_is_the_operator_s_mistake(tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not a text in UTF-8"):
        load_pipeline(tmp_path / "q.yaml", KNOWN)
