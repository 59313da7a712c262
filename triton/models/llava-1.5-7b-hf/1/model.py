"""Triton looks for a class of this name in this file."""

from workers.vlm.triton_backend import TritonVlm as TritonPythonModel

__all__ = ["TritonPythonModel"]
