"""A super-resolution network in torch, on a GPU or the CPU."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from workers.device import fast_bfloat16, memory_errors
from workers.enhance.network import Bytes, NotFinite
from workers.enhance.receptive_field import window_pixels
from workers.enhance.torch_banded import BandedRRDBNet
from workers.enhance.torch_loading import Loaded
from workers.weights.digest import SHORT

_GPU_TILE = 1 << 20
_WHOLE = 1 << 62
_GPU_BATCH = 4


class TorchNetwork:
    """``loaded`` on ``device``: in the given precision, and in float32 beside it as ``precise``."""

    def __init__(self, loaded: Loaded, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        module = loaded.module if dtype is torch.float32 else copy.deepcopy(loaded.module)
        module.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        if isinstance(module, BandedRRDBNet):
            module.lower(dtype)
        else:
            module.to(dtype)
        self._module: Any = module
        self._takes = next(module.parameters()).dtype
        self.name = f"{loaded.name}-x{loaded.scale}@{loaded.weights[:SHORT]}"
        self.weights = loaded.weights
        self.runtime = f"torch {torch.__version__} {device.type} {str(dtype).removeprefix('torch.')}"
        self.scale, self.halo = loaded.scale, loaded.halo
        self.multiple, self.minimum = loaded.multiple, loaded.minimum
        gpu = device.type != "cpu"
        self.tile_pixels = (_GPU_TILE if gpu else window_pixels(loaded.halo)) if loaded.cut else _WHOLE
        self.batch = _GPU_BATCH if gpu and loaded.cut else 1
        self.precise = None if dtype is torch.float32 else TorchNetwork(loaded, device, torch.float32)

    @torch.inference_mode()
    def run(self, windows: Bytes) -> Bytes:
        """See ``Network.run``. Bytes go to the device and come back from it, a quarter of what floats would be."""
        with _memory_errors(self._device):
            pixels = torch.from_numpy(windows).to(self._device).permute(0, 3, 1, 2)  # channels last, as it lies there
            result = self._module(pixels.float().div_(255).to(self._takes))
            extremes = torch.stack(torch.aminmax(result))  # both NaN if anything is; isfinite of all would copy it all
            if not torch.isfinite(extremes).all():
                raise NotFinite(self.name)
            levels = result.clamp_(0, 1).mul_(255).round_().to(torch.uint8)  # 0 to 255 are exact in bfloat16 too
            values: Bytes = levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
            return values


def best_precision(device: torch.device, loaded: Loaded) -> torch.dtype:
    """What is fastest without being told apart from float32: bfloat16 where there is hardware for it (bfloat16 without
    is emulated, and slower than float32), else float16 on a GPU, else float32."""
    if loaded.bfloat16 and fast_bfloat16(device):
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" and loaded.half else torch.float32


@contextmanager
def _memory_errors(device: torch.device) -> Iterator[None]:
    """A full device as MemoryError, with what the failed run left behind given back."""
    try:
        with memory_errors():
            yield
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # how torch's allocator for the CPU words it
            raise
        raise MemoryError(str(error)) from error
    except MemoryError:
        if device.type == "cuda":
            torch.cuda.empty_cache()
        raise
