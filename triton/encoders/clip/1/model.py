"""Triton looks for a class of this name in this file."""

from workers.clip.triton_backend import TritonClip as TritonPythonModel

__all__ = ["TritonPythonModel"]
