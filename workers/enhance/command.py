"""The command line of the enhance worker."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from workers.batching import BatchLimits
from workers.decoder_child import DecodeLimits
from workers.enhance.model import MODELS
from workers.enhance.service import EnhanceOptions, EnhanceService
from workers.logs import json_logger
from workers.metrics import Metrics
from workers.run import RunOptions, run


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    options = _parser().parse_args(arguments)
    metrics = Metrics()
    service = EnhanceService(_enhance_options(options), MODELS[options.model], metrics)
    logger = json_logger(service=service.name, pid=os.getpid())
    code = asyncio.run(run(service, metrics, logger, _run_options(options)))
    sys.stdout.flush()
    os._exit(code)  # a thread that is still in a model or a codec must not hold up the exit


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.enhance", description="Enhances pictures over HTTP.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8101, help="0 = any free one; the first line on stdout names it")
    parser.add_argument("--model", choices=sorted(MODELS), default="lanczos")
    parser.add_argument("--max-queue", type=_positive, default=64, help="requests in progress; more are 503")
    parser.add_argument("--max-batch", type=_positive, default=8, help="pictures that go through the model together")
    parser.add_argument("--batch-wait-ms", type=float, default=2.0, help="how long the first one waits for the others")
    parser.add_argument("--decoders", type=_positive, default=os.cpu_count() or 1, help="decoder processes")
    parser.add_argument("--max-megapixels", type=float, default=40.0, help="of one original")
    parser.add_argument("--max-body-mib", type=float, default=32.0, help="of one original")
    parser.add_argument("--decode-timeout-s", type=float, default=20.0, help="for decoding or encoding one picture")
    parser.add_argument(
        "--decode-memory-mib", type=_positive, default=2048, help="for decoding or encoding one picture"
    )
    parser.add_argument("--drain-s", type=float, default=25.0, help="how long SIGTERM lets work in progress finish")
    parser.add_argument("--parent-pid", type=_positive, help="end when this process is no longer the parent")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def _enhance_options(options: argparse.Namespace) -> EnhanceOptions:
    return EnhanceOptions(
        model=options.model,
        decoders=options.decoders,
        decode=DecodeLimits(
            max_pixels=round(options.max_megapixels * 1e6),
            memory_bytes=options.decode_memory_mib * 2**20,
            timeout_s=options.decode_timeout_s,
        ),
        batch=BatchLimits(options.max_batch, options.batch_wait_ms / 1000, options.max_queue),
    )


def _run_options(options: argparse.Namespace) -> RunOptions:
    return RunOptions(
        host=options.host,
        port=options.port,
        max_queue=options.max_queue,
        max_body_bytes=round(options.max_body_mib * 2**20),
        drain_s=options.drain_s,
        parent_pid=options.parent_pid,
    )
