"""The HTTP API: which pictures to show, where they are, and how to have new ones processed."""

from orchestrator.api.app import create_app, openapi_document
from orchestrator.api.options import ApiOptions, options_from
from orchestrator.api.server import ApiServer, listen_for_api, serve_api
from orchestrator.api.services import ApiServices, services_of

__all__ = [
    "ApiOptions",
    "ApiServer",
    "ApiServices",
    "create_app",
    "listen_for_api",
    "openapi_document",
    "options_from",
    "serve_api",
    "services_of",
]
