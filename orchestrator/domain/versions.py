"""Versions: which of two results is the newer one, answered the same way by every store."""

EARLIEST_MS = 1_000_000_000_000  # 2001-09-09: from here to the year 2286 the decimal form has thirteen digits


def version_of(submitted_at_ms: int, job_id: str) -> str:
    """``<submitted_at ms>-<job_id>``: compared bytewise it orders by time, then by job.

    Thirteen digits of milliseconds are what makes the bytewise order the order of time; jobs outside that range are
    refused at decode.
    """
    return f"{submitted_at_ms:013d}-{job_id}"


def supersedes(candidate: str, stored: str | None) -> bool:
    """Whether a write of version ``candidate`` may replace what is stored: only a strictly newer one may.

    The same version again is the same job again: what it wrote the first time stands.
    """
    return stored is None or candidate.encode() > stored.encode()
