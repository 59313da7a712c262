"""The command line of the clip worker."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.clip.dummy import Dummy
from workers.clip.model import ClipModel
from workers.clip.service import ClipService
from workers.clip.vocabulary import BUILT_IN
from workers.hosting import PictureOptions
from workers.main import serve_and_exit
from workers.metrics import Metrics
from workers.options import (
    add_decoder_options,
    add_torch_options,
    batch_limits,
    decode_limits,
    run_options,
    worker_parser,
)

_WEIGHTS = (".safetensors", ".pt")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if problem := _problem(options):
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
        choices=("dummy", "open_clip"),
        default="dummy",
        help="dummy needs no weights and knows nothing of what a picture shows",
    )
    parser.add_argument("--model-name", default="ViT-B-32", help="open_clip's name of the architecture")
    parser.add_argument("--model-config", type=Path, help="or an architecture of your own, as open_clip's JSON")
    parser.add_argument("--weights", type=Path, help="weights for it: .safetensors or .pt")
    parser.add_argument("--pretrained", help="or open_clip's name of published weights, downloaded at the first start")
    parser.add_argument("--vocabulary", type=Path, default=BUILT_IN, help="tags, classes and their captions, as YAML")
    add_decoder_options(parser)
    add_torch_options(parser)
    return parser


def _problem(options: argparse.Namespace) -> str | None:
    if options.model == "dummy":
        given = [name for name in ("weights", "pretrained", "model_config") if getattr(options, name) is not None]
        return f"--{given[0].replace('_', '-')} needs --model open_clip" if given else None
    if (options.weights is None) == (options.pretrained is None):
        return "--model open_clip needs either --weights or --pretrained: without weights its answers would be random"
    if options.weights is not None and options.weights.suffix not in _WEIGHTS:
        return f"--weights must be one of {', '.join(_WEIGHTS)}"
    missing = (path for path in (options.weights, options.model_config, options.vocabulary) if path is not None)
    return next((f"{path}: no such file" for path in missing if not path.is_file()), None)


def _name(options: argparse.Namespace) -> str:
    if options.model == "dummy":
        return Dummy.name
    name: str = options.model_config.stem if options.model_config else options.model_name
    return name


def _loader(name: str, options: argparse.Namespace) -> Callable[[], ClipModel]:
    if options.model == "dummy":
        return Dummy

    def load() -> ClipModel:
        from workers.clip.open_clip_model import OpenClip, OpenClipSource  # takes seconds: torch

        source = OpenClipSource(name, options.weights, options.pretrained, options.model_config, options.vocabulary)
        return OpenClip(source, device=options.device, threads=options.threads)

    return load
