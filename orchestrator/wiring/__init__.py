"""The composition root: the only place that knows every part."""

from orchestrator.wiring.running import Running, started
from orchestrator.wiring.system import System, load_checked_pipeline, open_system, secrets_of, vectors_of

__all__ = ["Running", "System", "load_checked_pipeline", "open_system", "secrets_of", "started", "vectors_of"]
