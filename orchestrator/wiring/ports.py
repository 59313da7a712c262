"""The ports that stages name as parameters, and the clients behind them."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from orchestrator.clients.fetch.fetcher import FetchLimits, SafeFetcher
from orchestrator.clients.workers.clip import ClipClient
from orchestrator.clients.workers.enhance import EnhanceClient
from orchestrator.clients.workers.text import TextClient
from orchestrator.clients.workers.vlm import HttpDescriber
from orchestrator.stages.ports import Describer
from orchestrator.stores.apply import StoredOriginals
from orchestrator.wiring.system import System

VLM = "vlm"


def open_ports(system: System, stack: AsyncExitStack) -> Mapping[str, Any]:
    """Every port that the stages of the pipeline can ask for; those of worker pools that no queue uses are left out."""
    fetcher = _fetcher(system)
    stack.push_async_callback(fetcher.close)
    ports: dict[str, Any] = {
        "fetcher": fetcher,
        "originals": StoredOriginals(system.objects),
        "metadata": system.documents,
    }
    if system.vectors is not None:
        ports |= {"catalogue": system.catalogue, "vectors": system.vectors}
    pools = system.pools
    if "enhance" in pools:
        ports["enhancer"] = EnhanceClient(pools["enhance"])
    if "clip" in pools:
        ports["tagger"] = ports["captions"] = ClipClient(pools["clip"])
    if "text" in pools:
        ports["sentences"] = TextClient(pools["text"])
    if VLM in pools or system.settings.triton_url is not None:
        ports["describer"] = _describer(system, stack)
    return ports


def _fetcher(system: System) -> SafeFetcher:
    settings = system.settings
    limits = FetchLimits(
        settings.fetch_max_bytes,
        settings.fetch_timeout_s,
        settings.fetch_max_redirects,
        host_parallel=settings.fetch_host_parallel,
        host_per_second=settings.fetch_host_per_second,
    )
    return SafeFetcher(
        limits,
        allow_networks=settings.fetch_allow_networks,
        read_object=system.read_object,
        file_root=Path("/") if settings.mode == "embedded" else None,
    )


def _describer(system: System, stack: AsyncExitStack) -> Describer:
    if system.settings.triton_url is None:
        return HttpDescriber(system.pools[VLM])
    # The driver belongs to the extra "servers".
    from orchestrator.clients.triton.vlm import TritonDescriber

    describer = TritonDescriber(
        system.settings.triton_url,
        timeout_s=system.pipeline.workers[VLM].timeout_s,
        shared_bytes=system.settings.triton_shared_memory_mib * 2**20,
    )
    stack.push_async_callback(describer.close)
    return describer
