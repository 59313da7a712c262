"""One side of the API's benchmark: ``python -m tests.bench.api_side relevancy|plain|hello PORT``.

``relevancy`` is `justlens api`, ``plain`` the same without uvloop and httptools, as without the extra ``fast``;
``hello`` is a FastAPI route with nothing in it on the same server.
"""

import asyncio
import sys


async def _hello(port: int) -> None:
    from fastapi import FastAPI

    from orchestrator.api import serve_api

    app = FastAPI()
    app.add_api_route("/hello", lambda: {"hello": "world"})
    server = await serve_api(app, "127.0.0.1", port)
    print(f"API at {server.url}", flush=True)
    await asyncio.Event().wait()


def main(side: str, port: str) -> None:
    """Serve until killed."""
    if side == "plain":
        sys.modules.update({"uvloop": None, "httptools": None})  # type: ignore[dict-item]  # what makes an import fail
    if side == "hello":
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_hello(int(port)))
        return
    from orchestrator.cli import main as command_line

    sys.argv = ["justlens", "api", "--port", port]
    command_line()


if __name__ == "__main__":
    main(*sys.argv[1:])
