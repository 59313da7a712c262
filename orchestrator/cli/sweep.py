"""`justlens sweep`: removes vectors that were superseded."""

from typing import Annotated, Any

import typer

from orchestrator.cli.invocation import invocation
from orchestrator.cli.terminal import AsJson, print_json, say, tell
from orchestrator.embedded.control_socket import Call


def sweep(
    context: typer.Context,
    business: Annotated[str | None, typer.Argument(help="Only this business; left out, all of them.")] = None,
    as_json: AsJson = False,
) -> None:
    """Remove vectors older than a day that no document names any more. Harmless to repeat; fit for a timer."""

    async def work(call: Call) -> Any:
        return await call("sweep", {"business_id": business})

    counts = invocation(context).operate(work)
    if as_json:
        print_json(counts)
        return
    tell(f"{counts['businesses']:,} businesses, {counts['removed']:,} vectors removed")
    if counts["left_alone"]:
        say(f"{counts['left_alone']:,} businesses have too many images to be sure of, and were left alone")
