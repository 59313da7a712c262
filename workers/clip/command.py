"""The command line of the clip worker."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.clip.dummy import Dummy
from workers.clip.folder import BUILT_IN_NAME, CONFIG_NAME
from workers.clip.model import ClipModel
from workers.clip.probing import check_towers
from workers.clip.service import ClipService
from workers.clip.vocabulary import BUILT_IN, read_vocabulary
from workers.clip.zero_shot_clip import ZeroShotClip
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
from workers.weights.hub import weights_at

_ARCHITECTURE = "ViT-B-32"
_WEIGHTS = (".safetensors", ".pt")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if problem := _problem(parser, options):
        parser.error(problem)
    metrics = Metrics()
    name = _name(options)
    picture_options = PictureOptions(name, options.decoders, decode_limits(options), batch_limits(options))
    service = ClipService(picture_options, _loader(name, options), metrics)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.clip", "Tags pictures, and makes vectors of pictures and captions.", port=8102)
    parser.add_argument(
        "--model",
        choices=("dummy", "builtin", "open_clip"),
        default="builtin",
        help="dummy needs no weights and knows nothing of what a picture shows; builtin is small, comes with JustLens, "
        "knows the demo world, and runs on the CPU without torch",
    )
    parser.add_argument("--model-name", help=f"open_clip's name of the architecture; {_ARCHITECTURE} if none is given")
    parser.add_argument(
        "--model-config",
        type=Path,
        help="or an architecture of your own, as open_clip's JSON; its tokenizer.json, if any, lies beside it",
    )
    parser.add_argument(
        "--weights", type=weights, help="weights for it: a file or hf-hub:owner/name/file, .safetensors or .pt"
    )
    add_weights_pin(parser)
    parser.add_argument("--pretrained", help="or open_clip's name of published weights, downloaded at the first start")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32"),
        default="auto",
        help="for --model open_clip; auto: pictures in bfloat16, where the device has it and the vectors stay the same",
    )
    parser.add_argument(
        "--vocabulary", type=Path, help="tags, classes and their captions, as YAML; the model's own if none"
    )
    add_decoder_options(parser)
    add_torch_options(parser)
    return parser


def _problem(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | None:
    if options.model != "open_clip":
        own = ("model_name", "weights", "weights_sha256", "pretrained", "model_config", "precision")
        in_vain = given_in_vain(parser, options, "open_clip", *own) or no_gpu(options, "open_clip")
        if options.model == "dummy":
            in_vain = in_vain or given_in_vain(parser, options, "builtin or open_clip", "vocabulary")
        return in_vain or _missing(options)
    if options.model_name and options.model_config:
        return "--model-name says nothing beside --model-config, which is the architecture; leave one of them out"
    if (options.weights is None) == (options.pretrained is None):
        return "--model open_clip needs either --weights or --pretrained: without weights its answers would be random"
    if options.weights_sha256 and options.weights is None:
        return "--weights-sha256 needs --weights"
    if options.weights is not None and options.weights.suffix not in _WEIGHTS:
        return f"--weights must be one of {', '.join(_WEIGHTS)}"
    return _missing(options)


def _missing(options: argparse.Namespace) -> str | None:
    return missing_files(options.weights, options.model_config, options.vocabulary)


def _name(options: argparse.Namespace) -> str:
    if options.model != "open_clip":
        return Dummy.name if options.model == "dummy" else BUILT_IN_NAME
    config: Path | None = options.model_config
    if config is None:
        return str(options.model_name or _ARCHITECTURE)
    return config.resolve().parent.name if config.name == CONFIG_NAME else config.stem


def _loader(name: str, options: argparse.Namespace) -> Callable[[], ClipModel]:
    if options.model == "dummy":
        return Dummy
    return (lambda: _builtin(options)) if options.model == "builtin" else (lambda: _open_clip(name, options))


def _builtin(options: argparse.Namespace) -> ClipModel:
    from workers.clip.builtin import load_builtin  # onnxruntime, which the other models do without

    return load_builtin(options.threads, options.vocabulary)


def _open_clip(name: str, options: argparse.Namespace) -> ClipModel:
    from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers  # takes seconds: torch

    file = None if options.weights is None else weights_at(options.weights, options.weights_sha256)
    source = OpenClipSource(name, file, options.pretrained, options.model_config)
    towers = OpenClipTowers(source, device=options.device, threads=options.threads, precision=options.precision)
    check_towers(towers)
    return ZeroShotClip(towers, read_vocabulary(options.vocabulary or BUILT_IN))
