"""Triton looks for a class of this name in this file."""

from workers.text.triton_backend import TritonText as TritonPythonModel

__all__ = ["TritonPythonModel"]
