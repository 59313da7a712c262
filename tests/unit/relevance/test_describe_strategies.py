"""The describe stage with prompting strategies: what is asked, what is kept, and that old jobs mean what they meant."""

import json
from typing import Any

import pytest

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.jobs import RelevanceJob, TagJob
from orchestrator.domain.outcome import Done, Next, RouteVia, SetSection
from orchestrator.domain.prompts.examples import Example, digest
from orchestrator.domain.prompts.parsing import Answer, read_answer
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, profile_for
from orchestrator.domain.prompts.request import Ask, ModelAnswer
from orchestrator.domain.prompts.selection import Prompting
from orchestrator.stages import STAGES, bind
from tests.kit.fake_relevance import HOT, IDENTITY, SAID, SHA, Businesses, Model, Sections, Store, Web, said
from workers.vlm.dummy import Dummy
from workers.vlm.requests import GenerateRequest, GenerateResult

CAKE = Example(("cake", "plate"), "Cake shops", 1, "cakes belong to a cake shop")
CAR = Example(("car",), "Cake shops", 0, "cars do not")
OWN = Example(("cake", "table"), "Cake shops", 0, "this very picture", image="acme/7")
SPADE = Example(("spade",), "Gardens", 1, "like this picture in nothing")
EXAMPLES = (SPADE, OWN, CAR, CAKE)
PROMPTING = Prompting(examples=EXAMPLES)
TAGGED = {"clip": {"source_sha256": SHA, "tags": [["cake", 0.75], ["table", 0.25]]}}
FIT = said({**SAID, "cat_match": 1})
FEW_SHOT = profile_for("vision_json_cat_few_shot", HOT)
PLAIN = profile_for("vision_json_cat", HOT)


class DummyDescriber:
    """The dummy model of the workers, asked without a server between."""

    async def describe(self, _body: bytes, ask: Ask) -> ModelAnswer:
        item = GenerateRequest(bytes(3 * 64 * 64), 64, 64, ask.prompt, json.dumps(ask.schema), ask.max_tokens)
        (result,) = Dummy().generate([item])
        assert isinstance(result, GenerateResult), result
        return ModelAnswer(result.text, result.finish_reason, "dummy", "none")


def job(prompt: str | None = None, **changes: Any) -> RelevanceJob:
    return RelevanceJob(**IDENTITY, prompt=prompt, **changes)


async def described(wanted: RelevanceJob, model: Any, **ports: Any) -> dict[str, Any]:
    """The section that is written."""
    given = {
        "originals": Store(),
        "fetcher": Web(),
        "metadata": Sections(TAGGED),
        "catalogue": Businesses((HOT,)),
        "prompting": PROMPTING,
        "describer": model,
    }
    outcome = await bind(STAGES["describe"], {**given, **ports})(wanted)
    assert isinstance(outcome, Done), outcome
    (section,) = [one for one in outcome.writes if isinstance(one, SetSection) and one.section == "description"]
    return dict(section.value)


async def test_the_nearest_examples_are_shown_and_the_record_says_which() -> None:
    model = Model(FIT)
    section = await described(job(FEW_SHOT.name), model)
    assert model.asked[0][1] == FEW_SHOT.ask(HOT, (CAKE, CAR))
    assert (section["strategy"], section["prompt"], section["examples"]) == ("few_shot", FEW_SHOT.name, [4, 3])
    assert section["prompt_version"] == f"vision_json_cat_few_shot/1@{digest(EXAMPLES)}"


@pytest.mark.parametrize(
    "sections",
    [
        {"clip": {"source_sha256": SHA, "tags": []}},
        {"clip": {"source_sha256": SHA}},
        {"clip": {"source_sha256": "0" * 64, "tags": [["cake", 0.75]]}},
        {},
    ],
    ids=["no tags", "no list of tags", "tags of another picture", "none kept"],
)
async def test_a_picture_of_which_nothing_is_known_is_asked_about_without_examples_and_so_says_the_record(
    sections: dict[str, Any],
) -> None:
    model = Model(FIT)
    section = await described(job(FEW_SHOT.name, tagged=True), model, metadata=Sections(sections))
    assert model.asked[0][1] == PLAIN.ask(HOT)
    kept = (section["strategy"], section["prompt"], section["prompt_version"])
    assert kept == ("zero_shot", "vision_json_cat", "vision_json_cat/1") and "examples" not in section


async def test_where_no_example_is_there_the_plain_question_is_asked() -> None:
    section = await described(job(FEW_SHOT.name), Model(FIT), prompting=Prompting())
    assert (section["strategy"], section["prompt_version"]) == ("zero_shot", "vision_json_cat/1")


async def test_a_picture_that_was_never_tagged_is_tagged_before_examples_are_chosen() -> None:
    ports = {"originals": Store(), "fetcher": Web(), "metadata": Sections(None), "catalogue": Businesses((HOT,))}
    run = bind(STAGES["describe"], {**ports, "describer": Model(), "prompting": PROMPTING})
    assert await run(job(FEW_SHOT.name)) == RouteVia(Next("tag", TagJob(**IDENTITY, prompt=FEW_SHOT.name)))


async def test_evidence_is_kept_beside_the_verdict() -> None:
    evidence = {"evidence_for": ["a cake"], "evidence_against": []}
    section = await described(job("vision_json_cat_evidence"), Model(said({**SAID, **evidence, "cat_match": 1})))
    assert evidence.items() <= section.items() and section["cat_match"] == 1
    assert (section["strategy"], section["prompt_version"]) == ("evidence", "vision_json_cat_evidence/1")


async def test_a_verdict_without_its_evidence_is_asked_for_again() -> None:
    evidence = {"evidence_for": [], "evidence_against": ["no cake"]}
    model = Model(FIT, said({**SAID, **evidence, "cat_match": 0}))
    assert (await described(job("vision_json_cat_evidence"), model))["cat_match"] == 0
    assert "evidence_for: Field required" in model.asked[1][1].prompt


async def test_a_job_that_names_no_prompt_gets_the_one_in_force_and_one_that_does_its_own() -> None:
    role = Prompting(prompt="vision_json_cat_role")
    assert (await described(job(), Model(FIT), prompting=role))["strategy"] == "role"
    assert (await described(job("vision_json_cat"), Model(FIT), prompting=role))["strategy"] == "zero_shot"
    nowhere = await described(job(), Model(said(SAID)), prompting=role, catalogue=Businesses())
    assert (nowhere["prompt"], nowhere["strategy"]) == ("vision_json", "zero_shot")


@pytest.mark.parametrize("prompt", [None, "vision_json_cat"])
async def test_a_job_stored_before_there_were_strategies_asks_what_it_asked_then(prompt: str | None) -> None:
    body = {**IDENTITY, "schema": "justlens.relevance/1", "prompt": prompt, "tagged": True}
    stored = decode_job(RelevanceJob, json.dumps(body).encode())
    model = Model(FIT)
    section = await described(stored, model, metadata=Sections({"clip": {"source_sha256": SHA}}))
    assert model.asked[0][1] == PLAIN.ask(HOT)
    assert (section["prompt"], section["prompt_version"]) == ("vision_json_cat", "vision_json_cat/1")


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
async def test_a_model_behind_the_wire_fills_every_profile(profile: PromptProfile) -> None:
    section = await described(job(profile.name), DummyDescriber())
    assert (section["model"], section["prompt"], section["strategy"]) == ("dummy", profile.name, profile.strategy.name)
    assert set(profile.strategy.evidence) <= section.keys()
    said_then = await DummyDescriber().describe(b"", profile.ask(HOT))
    assert isinstance(read_answer(said_then, profile), Answer)
