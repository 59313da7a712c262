"""The demo world: drawn pictures of businesses, each with the truth about what it shows."""

from workers.training.world.command import main

__all__ = ["main"]
