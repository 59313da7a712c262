"""A run that kept every promise, and the mistakes that can be planted into it: what the checker is tried on."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.kit.evidence import Copies, Effect, Evidence, Hop, JobKey, Miscount

FIRST, SECOND = "image_enhance_process", "image_enhance_update"


def clean_run(rng: random.Random, jobs: int = 200) -> Evidence:
    """A run that kept every promise: most jobs done in both queues, some dead in either, some never published."""
    confirmed: set[JobKey] = set()
    unknown: set[JobKey] = set()
    done: set[JobKey] = set()
    dead: dict[JobKey, int] = {}
    expected: dict[JobKey, tuple[JobKey, ...]] = {}
    effects = []
    for number in range(jobs):
        first, second = JobKey(f"job-{number:04d}", FIRST), JobKey(f"job-{number:04d}", SECOND)
        expected[first] = (second,)
        published = rng.random() < 0.9
        (confirmed if published else unknown).add(first)
        if not published and rng.random() < 0.5:
            continue
        effects.append(Effect(f"object {number}", times=1, job=first))
        if rng.random() < 0.1:
            dead[first] = 1
            continue
        done.add(first)
        if rng.random() < 0.1:
            dead[second] = 1
        else:
            done.add(second)
            effects.append(Effect(f"purge {number}", times=rng.randint(1, 3), allowed=3, job=second))
    return Evidence(
        confirmed=frozenset(confirmed),
        unknown=frozenset(unknown),
        done=frozenset(done),
        dead=dead,
        expected_next=expected,
        effects=tuple(effects),
        totals={queue: sum(1 for key in dead if key.queue == queue) for queue in (FIRST, SECOND)},
    )


def _without(copies: Mapping[JobKey, int], key: JobKey) -> dict[JobKey, int]:
    return {other: number for other, number in copies.items() if other != key}


def _add_total(run: Evidence, queue: str, number: int) -> dict[str, int]:
    return {**run.totals, queue: run.totals[queue] + number}


# Each plants one mistake into a clean run and says which class it belongs to, and what exactly must be named.
Planted = tuple[Evidence, str, object]


def drop_a_done_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(key for key in run.confirmed if key in run.done))
    return replace(run, done=run.done - {victim}), "lost", victim


def drop_a_dead_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(key for key in run.confirmed if key in run.dead))
    changed = replace(run, dead=_without(run.dead, victim), totals=_add_total(run, victim.queue, -1))
    return changed, "lost", victim


def drop_an_unknown_one_that_was_there(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(key for key in run.unknown if key in run.done))
    return replace(run, done=run.done - {victim}), "lost", victim


def drop_a_next_hop(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(key for key in run.done if key.queue == SECOND))
    return replace(run, done=run.done - {victim}), "missing_next", Hop(JobKey(victim.job_id, FIRST), victim)


def invent_one(run: Evidence, rng: random.Random) -> Planted:
    stranger = JobKey(f"stranger-{rng.random()}", rng.choice((FIRST, SECOND)))
    return replace(run, done=run.done | {stranger}), "unexpected", stranger


def kill_a_done_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(run.done))
    changed = replace(run, dead={**run.dead, victim: 1}, totals=_add_total(run, victim.queue, 1))
    return changed, "double_terminal", victim


def finish_a_dead_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(key for key in run.dead if key.queue == SECOND))
    return replace(run, done=run.done | {victim}), "double_terminal", victim


def queue_a_dead_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(run.dead))
    return replace(run, queued={victim: 1}, totals=_add_total(run, victim.queue, 1)), "double_terminal", victim


def duplicate_a_done_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(run.done))
    changed = replace(run, queued={victim: 1}, totals=_add_total(run, victim.queue, 1))
    return changed, "redundant", Copies(victim, done=True, dead=0, queued=1)


def duplicate_a_dead_one(run: Evidence, rng: random.Random) -> Planted:
    victim = rng.choice(sorted(run.dead))
    changed = replace(run, dead={**run.dead, victim: 2}, totals=_add_total(run, victim.queue, 1))
    return changed, "redundant", Copies(victim, done=False, dead=2, queued=0)


def hide_one(run: Evidence, rng: random.Random) -> Planted:
    queue = rng.choice((FIRST, SECOND))
    found = run.totals[queue]
    return replace(run, totals=_add_total(run, queue, 1)), "unaccounted", Miscount(queue, total=found + 1, found=found)


def count_one_too_few(run: Evidence, rng: random.Random) -> Planted:
    queue = rng.choice((FIRST, SECOND))
    found = run.totals[queue]
    return replace(run, totals=_add_total(run, queue, -1)), "unaccounted", Miscount(queue, total=found - 1, found=found)


def _change_effect(run: Evidence, rng: random.Random, times: Callable[[Effect], int]) -> tuple[Evidence, Effect]:
    at = rng.choice([i for i, effect in enumerate(run.effects) if effect.job in run.done])
    changed = replace(run.effects[at], times=times(run.effects[at]))
    return replace(run, effects=(*run.effects[:at], changed, *run.effects[at + 1 :])), changed


def repeat_an_effect(run: Evidence, rng: random.Random) -> Planted:
    changed, effect = _change_effect(run, rng, lambda effect: effect.allowed + 1)
    return changed, "duplicate_effects", effect


def skip_an_effect(run: Evidence, rng: random.Random) -> Planted:
    changed, effect = _change_effect(run, rng, lambda effect: 0)
    return changed, "missing_effects", effect


MUTATIONS = (
    drop_a_done_one,
    drop_a_dead_one,
    drop_an_unknown_one_that_was_there,
    drop_a_next_hop,
    invent_one,
    kill_a_done_one,
    finish_a_dead_one,
    queue_a_dead_one,
    duplicate_a_done_one,
    duplicate_a_dead_one,
    hide_one,
    count_one_too_few,
    repeat_an_effect,
    skip_an_effect,
)
