"""The command line of the enhance worker."""

import argparse
from collections.abc import Callable, Sequence

from workers.enhance.lanczos import Lanczos
from workers.enhance.likeness import BUILTIN_AT_LEAST, Likeness, builtin_likeness
from workers.enhance.model import EnhanceModel
from workers.enhance.service import EnhanceService
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
    missing_files,
    no_gpu,
    run_options,
    weights,
    worker_parser,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if problem := _problem(parser, options):
        parser.error(problem)
    metrics = Metrics()
    enhance_options = PictureOptions(options.model, options.decoders, decode_limits(options), batch_limits(options))
    service = EnhanceService(enhance_options, _loader(options), metrics, options.modern_as)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.enhance", "Enhances pictures over HTTP.", port=8101)
    parser.add_argument(
        "--model",
        choices=("lanczos", "builtin", "torch"),
        default="builtin",
        help="lanczos needs no weights; builtin: the networks that come with JustLens; torch: your own --weights",
    )
    parser.add_argument(
        "--weights",
        type=weights,
        action="append",
        default=[],
        help="for --model torch, a file or hf-hub:owner/name/file: .safetensors, .pth or .pt of RRDBNet, "
        "SRVGGNetCompact or anything that spandrel knows; again for another scale: the cheapest that suffices is taken",
    )
    parser.add_argument(
        "--text-weights", type=weights, action="append", default=[], help="the same, for pictures with image_type text"
    )
    add_weights_pin(parser)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16", "float16"), default="auto")
    parser.add_argument(
        "--gate-clip",
        type=float,
        metavar="COSINE",
        help="turn down results whose vectors by the built-in CLIP have less than this cosine with their source's; "
        f"{BUILTIN_AT_LEAST} with --model builtin, otherwise off; -1 is off",
    )
    parser.add_argument(
        "--modern-as",
        choices=("jpeg", "webp"),
        default="jpeg",
        help="what the results of HEIC and AVIF originals are written as; with transparency it is always webp",
    )
    add_decoder_options(parser)
    add_torch_options(parser)
    return parser


def _problem(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | None:
    if options.gate_clip is not None:
        if options.model == "lanczos":
            return "--gate-clip needs --model builtin or torch: lanczos invents nothing that would have to be judged"
        if not -1 <= options.gate_clip <= 1:
            return "--gate-clip is a cosine, from -1 to 1"
    if options.model != "torch":
        own = ("weights", "text_weights", "weights_sha256", "precision")
        return given_in_vain(parser, options, "torch", *own) or no_gpu(options, "torch")
    if not options.weights:
        return "--model torch needs --weights"
    return missing_files(*options.weights, *options.text_weights)


def _loader(options: argparse.Namespace) -> Callable[[], EnhanceModel]:
    if options.model == "lanczos":
        return Lanczos
    return (lambda: _builtin(options)) if options.model == "builtin" else (lambda: _torch(options))


def _builtin(options: argparse.Namespace) -> EnhanceModel:
    from workers.enhance.builtin import load_builtin  # onnxruntime, which lanczos does without

    return load_builtin(options.threads, _likeness(options))


def _torch(options: argparse.Namespace) -> EnhanceModel:
    from workers.enhance.torch_model import TorchOptions, load_torch  # takes seconds

    return load_torch(
        TorchOptions(
            options.weights,
            options.text_weights,
            options.weights_sha256,
            options.device,
            options.threads,
            options.precision,
        ),
        _likeness(options),
    )


def _likeness(options: argparse.Namespace) -> Likeness | None:
    usual = BUILTIN_AT_LEAST if options.model == "builtin" else None
    at_least = usual if options.gate_clip is None else options.gate_clip
    return None if at_least in (None, -1) else builtin_likeness(at_least, options.threads)
