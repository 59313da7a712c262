"""The process around a service."""

import asyncio
import os
import sys
from typing import NoReturn

from workers.logs import open_log
from workers.metrics import Metrics
from workers.run import RunOptions, run
from workers.service import ModelService


def serve_and_exit(service: ModelService, metrics: Metrics, options: RunOptions) -> NoReturn:
    """Run the worker until a signal ends it; exits with its code."""
    logger = open_log(options.log_format, service=service.name, pid=os.getpid())
    code = asyncio.run(run(service, metrics, logger, options))
    sys.stdout.flush()
    os._exit(code)  # a thread that is still in a model or a codec must not hold up the exit
