"""What every model on torch needs: a device, threads, and running out of memory said in plain Python."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def choose_device(name: str, threads: int | None) -> torch.device:
    """The device called ``name`` ("auto": the first GPU if there is one), with ``threads`` CPU threads a forward pass.

    Raises RuntimeError for a device that is not there.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    torch.empty(1, device=device)
    return device


def fast_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` computes in bfloat16 by itself. Where it does not, it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(able.get("amx_bf16") or able.get("avx512_bf16"))


@contextmanager
def memory_errors() -> Iterator[None]:
    """torch's own error for a full device leaves as MemoryError, which is what the batch is told by."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MemoryError(str(error)) from error
