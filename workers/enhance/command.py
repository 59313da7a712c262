"""The command line of the enhance worker."""

import argparse
from collections.abc import Sequence

from workers.enhance.model import MODELS
from workers.enhance.service import EnhanceOptions, EnhanceService
from workers.main import serve_and_exit
from workers.metrics import Metrics
from workers.options import add_decoder_options, batch_limits, decode_limits, run_options, worker_parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the worker until a signal ends it; exits with its code."""
    options = _parser().parse_args(arguments)
    metrics = Metrics()
    enhance_options = EnhanceOptions(options.model, options.decoders, decode_limits(options), batch_limits(options))
    service = EnhanceService(enhance_options, MODELS[options.model], metrics)
    serve_and_exit(service, metrics, run_options(options))


def _parser() -> argparse.ArgumentParser:
    parser = worker_parser("workers.enhance", "Enhances pictures over HTTP.", port=8101)
    parser.add_argument("--model", choices=sorted(MODELS), default="lanczos")
    add_decoder_options(parser)
    return parser
