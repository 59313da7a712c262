"""What is in force: queues.yaml and the environment."""

from orchestrator.config.misspelt import find_misspelt
from orchestrator.config.paths import read_path
from orchestrator.config.pipeline import Pipeline, PoolSpec, QueueSpec, load_pipeline, parse_pipeline
from orchestrator.config.settings import Settings, load_settings

__all__ = [
    "Pipeline",
    "PoolSpec",
    "QueueSpec",
    "Settings",
    "find_misspelt",
    "load_pipeline",
    "load_settings",
    "parse_pipeline",
    "read_path",
]
