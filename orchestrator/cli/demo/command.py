"""``justlens demo``: the whole system in one process, on sample pictures, from publishing to the tables at the end."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli.demo.pictures import broken_picture, pictures_in, sample_catalogue, sample_pictures
from orchestrator.cli.doctor.checks import missing_packages
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.interrupts import ends_at_once
from orchestrator.cli.invocation import Invocation, invocation
from orchestrator.cli.quantities import given_path
from orchestrator.cli.terminal import AsJson
from orchestrator.config import Settings, load_settings
from orchestrator.domain.errors import ConfigurationError
from orchestrator.embedded.data_dir import make_data_dir

FolderArgument = Annotated[
    Path | None,
    typer.Argument(parser=given_path, metavar="[FOLDER]", help="Your pictures; sub-folders are businesses."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        parser=given_path,
        metavar="PATH",
        help="Where everything is kept, as with --data-dir before `demo`; else justlens-demo here. JUSTLENS_DATA_DIR is"
        " not heeded: a demo has no business in a real system.",
    ),
]


def demo(
    context: typer.Context,
    folder: FolderArgument = None,
    data_dir: DataDirOption = None,
    exit_: Annotated[bool, typer.Option("--exit", help="End when all is done instead of waiting for Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on sample pictures, without servers, and show what it did.

    Run again, it goes on with what is there: pictures that are done are not done twice.
    """
    asked = invocation(context)
    settings = demo_settings(asked, data_dir)
    if missing := missing_packages("clip"):
        raise ConfigurationError(
            [f"the built-in models need {', '.join(missing)}, not installed here: pip install 'justlens[demo]'"]
        )
    found = sample_pictures() if folder is None else pictures_in(folder)
    make_data_dir(settings.data_dir)
    pictures = [*found, broken_picture(settings.data_dir)]
    ends = exit_ or as_json or os.environ.get("CI", "").lower() == "true"
    # The flow imports every part; a command that only prints its help does without.
    with ends_at_once():
        from orchestrator.cli.demo.run import Plan, run_demo

    catalogue = sample_catalogue() if folder is None else []
    command = Invocation({**asked.overrides, "data_dir": settings.data_dir}).command
    plan = Plan(settings, pictures, catalogue, command, stay=not ends, as_json=as_json)
    if not asyncio.run(run_demo(plan)) and ends:
        raise typer.Exit(ExitCode.NOT_DONE)


def demo_settings(asked: Invocation, data_dir: Path | None) -> Settings:
    """The settings of a demo in ``data_dir``: the options before `demo` go first, as for every command.

    Raises BadParameter for servers, of which it has none, and ConfigurationError.
    """
    if asked.overrides.get("mode") == "servers":
        raise typer.BadParameter("the demo needs no servers and takes none; leave it out", param_hint="--mode")
    own = Path(str(data_dir or asked.overrides.get("data_dir") or "justlens-demo"))
    given = {
        "mode": "embedded",
        "data_dir": own,
        "http_port": 0,
        "api_host": "127.0.0.1",
        "api_port": 0,
        "api_keys": None,
        "log_format": "json",
        "log_file": own / "log.jsonl",
        "endpoints": {},
        "triton_url": None,
    }
    return load_settings(**{**asked.overrides, **given})
