"""/docs and /openapi.json: the documentation, complete in itself. It asks nothing of any other server."""

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse

from orchestrator.api.services import context_of

_CACHE_CONTROL = "public, max-age=300"


async def get_page(request: Request) -> HTMLResponse:
    """The documentation as one page."""
    page = context_of(request).page
    headers = {"Content-Security-Policy": page.policy, "Cache-Control": _CACHE_CONTROL}
    return HTMLResponse(page.html, headers=headers)


async def get_document(request: Request) -> JSONResponse:
    """The OpenAPI document, free to be read by tools of any origin."""
    headers = {"Cache-Control": _CACHE_CONTROL, "Access-Control-Allow-Origin": "*"}
    return JSONResponse(request.app.openapi(), headers=headers)
