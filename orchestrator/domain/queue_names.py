"""The names of the queues around a queue. A deployment's prefix is added by the broker, not here."""


def error_queue(queue: str) -> str:
    """Where the jobs of ``queue`` that cannot be done end."""
    return f"error.{queue}"


def retry_queue(queue: str, delay_s: float) -> str:
    """Where a job of ``queue`` waits ``delay_s`` seconds for its next attempt: one queue per fixed delay.

    Message TTL waits behind the head of a queue, so two delays in one queue would hold each other up.
    """
    return f"retry.{queue}.{round(delay_s * 1000)}ms"
