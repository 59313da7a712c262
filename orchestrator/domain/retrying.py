"""When to try again: pure decisions, no clock, no queue."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Try again after ``delay_s`` seconds, as attempt number ``attempt``."""

    delay_s: float
    attempt: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left."""


def decide_retry(attempt: int, delays_s: Sequence[float], max_attempts: int | None = None) -> RetryAfter | GiveUp:
    """What follows the failure of attempt number ``attempt`` (the first is 1).

    A queue with n retry tiers allows n + 1 attempts, or ``max_attempts`` if that is fewer; the k-th failure waits in
    the k-th tier.
    """
    if 1 <= attempt <= len(delays_s) and (max_attempts is None or attempt < max_attempts):
        return RetryAfter(delays_s[attempt - 1], attempt + 1)
    return GiveUp()


UPLOAD_ATTEMPTS = 3
"""Attempts for an image that may still be uploading: more would only put off the reason."""

MAX_RETURNS = 100
MAX_DEFERRED_S = 24 * 3600.0
"""A job that went back so often, and is known for so long, pays for another deferral with an attempt. Both must be so:
a backlog of one busy host sends its jobs back many times within minutes, and none of them has done anything wrong."""


def decide_deferral(delay_s: float, returns: int, age_s: float, delays_s: Sequence[float]) -> float | None:
    """The retry tier in which a job waits uncharged: the shortest of at least ``delay_s``, else the longest.

    0 stands for its own queue, where there is no tier. None when the job is to be charged: it went back ``returns``
    times since it was first read ``age_s`` seconds ago, and that is enough.
    """
    if returns >= MAX_RETURNS and age_s >= MAX_DEFERRED_S:
        return None
    longest = max(delays_s, default=0.0)
    return min((tier for tier in delays_s if tier >= delay_s), default=longest)


def backoff_s(tries: int, *, base_s: float = 0.2, cap_s: float = 15.0, jitter: float | None = None) -> float:
    """How long to wait in place before try number ``tries`` + 1: exponential with full jitter above the base.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (the equal-jitter form: half of the wait is
    fixed, so that a crowd spreads out and nobody spins). ``jitter`` in [0, 1) replaces the random draw.
    """
    ceiling = min(cap_s, base_s * 2.0 ** min(tries, 30))
    return ceiling / 2 + ceiling / 2 * (random.random() if jitter is None else jitter)
