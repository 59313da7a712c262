"""``justlens demo``: the whole system in one process, on sample pictures, from publishing to the tables at the end."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.checks import missing_packages
from orchestrator.cli.demo_pictures import broken_picture, pictures_in, sample_catalogue, sample_pictures
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.importing import ends_at_once
from orchestrator.cli.terminal import AsJson
from orchestrator.config import load_settings
from orchestrator.data_dir import make_data_dir
from orchestrator.domain.errors import ConfigurationError


def demo(
    folder: Annotated[Path | None, typer.Argument(help="Your pictures; sub-folders are businesses.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("justlens-demo"),
    exit_: Annotated[bool, typer.Option("--exit", help="End when all is done instead of waiting for Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on sample pictures, without servers, and show what it did.

    Run again, it goes on with what is there: pictures that are done are not done twice.
    """
    settings = load_settings(
        mode="embedded",
        data_dir=data_dir,
        http_port=0,
        api_host="127.0.0.1",
        api_port=0,
        api_keys=None,
        log_format="json",
        log_file=data_dir / "log.jsonl",
        endpoints={},
        triton_url=None,
    )
    if missing := missing_packages("clip"):
        raise ConfigurationError(
            [f"the built-in models need {', '.join(missing)}, not installed here: pip install 'justlens[demo]'"]
        )
    make_data_dir(data_dir)
    pictures = [*(sample_pictures() if folder is None else pictures_in(folder)), broken_picture(data_dir)]
    ends = exit_ or as_json or os.environ.get("CI", "").lower() == "true"
    # The flow imports every part; a command that only prints its help does without.
    with ends_at_once():
        from orchestrator.cli.demo_run import Plan, run_demo

    catalogue = sample_catalogue() if folder is None else []
    if not asyncio.run(run_demo(Plan(settings, pictures, catalogue, stay=not ends, as_json=as_json))) and ends:
        raise typer.Exit(ExitCode.NOT_DONE)
