"""What the command lines of all workers have in common: the options, and what they mean."""

import argparse
import os
from pathlib import Path

from workers.images.decoder_process import DecodeLimits
from workers.server.batching import BatchLimits
from workers.server.lifecycle import RunOptions
from workers.weights.hub import Weights, weights_named


def worker_parser(program: str, description: str, *, port: int, max_batch: int = 8) -> argparse.ArgumentParser:
    """A parser with what every worker takes; ``port`` and ``max_batch`` are the defaults of this one."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description, allow_abbrev=False)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=port_number, default=port, help="0 = any free one; the first line on stdout names it"
    )
    parser.add_argument("--max-queue", type=positive, default=64, help="requests in progress; more are 503")
    parser.add_argument("--max-batch", type=positive, default=max_batch, help="requests that share a batch")
    parser.add_argument("--batch-wait-ms", type=float, default=2.0, help="how long the first one waits for the others")
    parser.add_argument("--max-body-mib", type=float, default=32.0, help="of one request")
    parser.add_argument("--drain-s", type=float, default=25.0, help="how long SIGTERM lets work in progress finish")
    parser.add_argument("--log-format", choices=("json", "pretty"), default="json", help="lines for programs or people")
    parser.add_argument("--parent-pid", type=positive, help="end when this process is no longer the parent")
    return parser


def add_decoder_options(parser: argparse.ArgumentParser) -> None:
    """What a worker takes that decodes pictures."""
    parser.add_argument("--decoders", type=positive, default=os.cpu_count() or 1, help="decoder processes")
    parser.add_argument("--max-megapixels", type=float, default=40.0, help="of one original")
    parser.add_argument("--decode-timeout-s", type=float, default=20.0, help="for decoding or encoding one picture")
    parser.add_argument("--decode-memory-mib", type=positive, default=2048, help="for decoding or encoding one picture")


def add_torch_options(parser: argparse.ArgumentParser) -> None:
    """What a worker takes whose model runs in torch."""
    parser.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, ...; auto = the first GPU, else the CPU")
    parser.add_argument("--threads", type=positive, help="CPU threads of one forward pass; torch decides by default")


def add_weights_pin(parser: argparse.ArgumentParser) -> None:
    """What a worker takes beside --weights."""
    parser.add_argument(
        "--weights-sha256",
        type=str.lower,
        action="append",
        default=[],
        help="refuse weights whose SHA-256 is another one; once per file",
    )


def weights(text: str) -> Weights:
    """--weights, for argparse: a path, or a name of the hub."""
    try:
        return weights_named(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def missing_files(*given: Weights | None) -> str | None:
    """What is wrong with the paths among ``given``; what the hub has is only known when it is asked."""
    paths = (one for one in given if isinstance(one, Path))
    return next((f"{path}: no such file" for path in paths if not path.is_file()), None)


def missing_folder(given: Weights | None) -> str | None:
    """The same of a folder."""
    return f"{given}: no such folder" if isinstance(given, Path) and not given.is_dir() else None


def given_in_vain(parser: argparse.ArgumentParser, options: argparse.Namespace, model: str, *names: str) -> str | None:
    """What is wrong when one of the options ``names`` is given, which say something to ``model`` only."""
    given = next((name for name in names if getattr(options, name) != parser.get_default(name)), None)
    return f"--{given.replace('_', '-')} needs --model {model}" if given else None


def no_gpu(options: argparse.Namespace, model: str) -> str | None:
    """What is wrong when a device is named to a model that runs on the CPU: only ``model`` would use it."""
    if options.device in ("auto", "cpu"):
        return None
    return f"--device {options.device} needs --model {model}: {options.model} runs on the CPU"


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


def port_number(text: str) -> int:
    """A port, for argparse."""
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return value


def run_options(options: argparse.Namespace) -> RunOptions:
    """How the process runs, from the options of ``worker_parser``."""
    return RunOptions(
        host=options.host,
        port=options.port,
        max_queue=options.max_queue,
        max_body_bytes=round(options.max_body_mib * 2**20),
        drain_s=options.drain_s,
        parent_pid=options.parent_pid,
        log_format=options.log_format,
    )


def batch_limits(options: argparse.Namespace) -> BatchLimits:
    """The limits of a batch, from the options of ``worker_parser``."""
    return BatchLimits(options.max_batch, options.batch_wait_ms / 1000, options.max_queue)


def decode_limits(options: argparse.Namespace) -> DecodeLimits:
    """The limits of one picture, from the options of ``add_decoder_options``."""
    return DecodeLimits(
        max_pixels=round(options.max_megapixels * 1e6),
        memory_bytes=options.decode_memory_mib * 2**20,
        timeout_s=options.decode_timeout_s,
    )
