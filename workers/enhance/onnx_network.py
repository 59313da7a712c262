"""A super-resolution network in onnxruntime, without torch: dynamic NCHW float32 RGB from 0 to 1, in and out."""

from pathlib import Path

import numpy as np
import onnxruntime

from workers.enhance.network import Bytes, NotFinite
from workers.enhance.receptive_field import Floats, measure_receptive_field
from workers.weights.digest import SHORT, weights_digest

_NO_MEMORY = ("bad_alloc", "Failed to allocate memory", "out of memory")


class OnnxNetwork:
    """The network in ``path``; on the CPU, with ``threads`` threads (onnxruntime decides when None).

    Raises ValueError for a file with other inputs and outputs than that, which the first picture would fail at.
    """

    multiple = 1
    minimum = 1
    tile_pixels = 1 << 18  # onnxruntime keeps its memory, so that smaller windows are no faster
    batch = 1
    precise = None

    def __init__(self, name: str, path: Path, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.enable_mem_pattern = False  # it is for inputs of one shape, and would be kept for every other one
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        if (len(self._session.get_inputs()), len(self._session.get_outputs())) != (1, 1):
            raise ValueError(f"{path}: a network has one input and one output")
        given, made = (_channels(end[0]) for end in (self._session.get_inputs(), self._session.get_outputs()))
        if given not in (None, 3) or made not in (None, 3):
            raise ValueError(f"{path}: it turns {given} channels into {made}, and not RGB into RGB")
        self._input = self._session.get_inputs()[0].name
        self.scale, self.halo = measure_receptive_field(self._forward)
        self.weights = weights_digest([path])
        self.name = f"{name}@{self.weights[:SHORT]}"
        self.runtime = f"onnxruntime {onnxruntime.__version__}"

    def run(self, windows: Bytes) -> Bytes:
        """See ``Network.run``."""
        result = self._forward(windows.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))
        if not np.isfinite(result).all():
            raise NotFinite(self.name)
        levels = np.rint(np.clip(result, 0, 1) * np.float32(255)).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(0, 2, 3, 1))

    def _forward(self, values: Floats) -> Floats:
        try:
            [result] = self._session.run(None, {self._input: np.ascontiguousarray(values)})
        except Exception as error:
            if any(words in str(error) for words in _NO_MEMORY):
                raise MemoryError(str(error)) from error
            raise
        return np.asarray(result, np.float32)


def _channels(end: onnxruntime.NodeArg) -> int | None:
    """Of an input or output in NCHW; None where the file leaves that open."""
    count = end.shape[1] if len(end.shape) == 4 else None
    return count if isinstance(count, int) else None
