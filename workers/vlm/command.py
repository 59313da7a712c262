"""The command line of the worker for vision-language models."""

import argparse
from collections.abc import Sequence
from functools import partial

from workers.server.lifecycle import serve_and_exit
from workers.server.metrics import Metrics
from workers.server.model_service import PictureOptions
from workers.server.options import (
    add_decoder_options,
    add_torch_options,
    add_weights_pin,
    batch_limits,
    decode_limits,
    given_in_vain,
    missing_folder,
    no_gpu,
    positive,
    run_options,
    weights,
    worker_parser,
)
from workers.vlm.lru_cache import CACHE_BYTES
from workers.vlm.model import MODELS, ModelOptions
from workers.vlm.service import VlmService


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if problem := _problem(parser, options):
        parser.error(problem)
    metrics = Metrics()
    model_options = ModelOptions(
        options.weights,
        options.weights_sha256,
        options.device,
        options.dtype,
        options.threads,
        options.max_batch,
        options.cache_mib * 2**20,
    )
    picture_options = PictureOptions(options.model, options.decoders, decode_limits(options), batch_limits(options))
    service = VlmService(picture_options, partial(MODELS[options.model], model_options), metrics)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.vlm", "Answers questions about pictures over HTTP.", port=8104)
    parser.add_argument(
        "--model",
        choices=sorted(MODELS),
        default="template",
        help="dummy looks at colours only; template: texts made of what the built-in CLIP sees, without torch;"
        " builtin: the small model that comes with JustLens and knows its demo world;"
        " transformers: your own --weights",
    )
    parser.add_argument(
        "--weights", type=weights, metavar="DIR", help="for --model transformers: a folder, or hf-hub:owner/name"
    )
    add_weights_pin(parser)
    parser.add_argument("--dtype", default="auto", help="bfloat16, float16, float32; auto = as stored, CPU float32")
    parser.add_argument(
        "--cache-mib",
        type=positive,
        default=CACHE_BYTES // 2**20,
        help="of the device's memory, for what was computed from the last pictures",
    )
    add_torch_options(parser)
    add_decoder_options(parser)
    return parser


def _problem(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | None:
    if options.model == "transformers":
        return missing_folder(options.weights) if options.weights else "--model transformers needs --weights"
    if problem := given_in_vain(parser, options, "transformers", "weights", "weights_sha256"):
        return problem
    if options.model == "builtin":
        return None
    torch = "builtin or transformers"
    return given_in_vain(parser, options, torch, "dtype", "cache_mib") or no_gpu(options, torch)
