"""`justlens dlq`: the jobs that could not be done."""

from orchestrator.cli.dlq.app import dlq_app

__all__ = ["dlq_app"]
