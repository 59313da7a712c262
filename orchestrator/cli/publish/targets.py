"""Where `justlens publish` sends: roads and queues by name."""

from collections.abc import Mapping, Sequence

import typer

from orchestrator.cli.publish.sending import Target
from orchestrator.config import Pipeline
from orchestrator.domain.value import json_types

_OPTION = "--to"


def targets_of(to: str, pipeline: Pipeline) -> list[Target]:
    """The targets that ``to`` names, separated by commas: roads (enhance, relevance: the first queue of the file that
    takes that job) or queues. Raises BadParameter for a name that is unknown, or a queue that is named twice."""
    targets = [_target(name.strip(), pipeline) for name in to.split(",")]
    queues = [target.queue for target in targets]
    twice = sorted({queue for queue in queues if queues.count(queue) > 1})
    if twice:
        raise typer.BadParameter(f"{', '.join(twice)} is named twice", param_hint=_OPTION)
    return targets


def _target(name: str, pipeline: Pipeline) -> Target:
    from orchestrator.stages import STAGES

    roads: dict[str, str] = {}
    for queue, spec in pipeline.queues.items():
        schema = str(STAGES[spec.stage].job_type.model_fields["schema_"].default)
        roads.setdefault(schema.removeprefix("justlens.").partition("/")[0], queue)
    found = name if name in pipeline.queues else roads.get(name)
    if found is None:
        known = f"roads {', '.join(roads)}; queues {', '.join(pipeline.queues)}"
        raise typer.BadParameter(f"no road or queue '{name}'; known: {known}", param_hint=_OPTION)
    return Target(name, found, STAGES[pipeline.queues[found].stage].job_type)


def fields_of(target: Target) -> Mapping[str, str]:
    """The fields that a body for this target can have, and their JSON types."""
    return json_types(target.job_type)


def common_fields(targets: Sequence[Target]) -> Mapping[str, str]:
    """The fields that a body can have for every one of the targets, and their JSON types."""
    first, *others = map(fields_of, targets)
    return {name: kind for name, kind in first.items() if all(name in other for other in others)}
