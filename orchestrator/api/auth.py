"""Who may do what. Every route declares the scope it needs; one that declares none is refused.

``read`` reads answers, jobs and originals, ``publish`` publishes jobs, ``admin`` is allowed everything. ``public``
routes need no key: pictures for pages (the CDN fetches them, and <img> sends no headers), the documentation, /livez and
/readyz. /metrics needs ``admin``: it tells how busy a business is. Without keys, embedded and on loopback, this machine
may do everything.
"""

import hmac
from typing import Annotated, Any, Literal, get_args

from fastapi import Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from orchestrator.api.limits import RateLimiter
from orchestrator.api.options import ApiKey, ApiOptions, is_loopback, key_digest
from orchestrator.api.problems import Problem
from orchestrator.config.api_keys import Scope

RouteScope = Literal["public"] | Scope
SCOPE_FIELD = "x-scope"
_PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOCAL = ApiKey("loopback", b"", frozenset(get_args(Scope)))


class Gate:
    """Lets requests in, or raises Problem: no_key, wrong_scope, too_many_requests."""

    def __init__(self, options: ApiOptions) -> None:
        self._options = options
        self._limiter = RateLimiter(options.rate_limit, options.rate_window_s)

    def enter(self, request: Request, wanted: RouteScope | None) -> None:
        """Check the key, then its scope, then its rate. ``wanted`` None is a route that declares nothing."""
        if wanted == "public":
            return
        key = self._identify(request)
        if wanted is None or not key.scopes & {wanted, "admin"}:
            needed = f"the scope '{wanted}'" if wanted else "a scope that nobody has declared"
            raise Problem(
                "wrong_scope", f"The key '{key.name}' lacks {needed}; ask the operator for a key that has it."
            )
        allowance = self._limiter.take(key.name)
        request.state.response_headers = allowance.headers()
        if not allowance.granted:
            raise Problem(
                "too_many_requests",
                f"The key '{key.name}' may make {self._options.rate_limit} requests in"
                f" {self._options.rate_window_s:g} s; wait {allowance.reset_s} s.",
                headers={"Retry-After": str(allowance.reset_s)},
            )

    def _identify(self, request: Request) -> ApiKey:
        given = presented_key(request.headers)
        if given is None and self._options.open_on_loopback and _is_local(request):
            return _LOCAL
        digest = key_digest(given or "")
        # All keys are compared, each in constant time, so that timing tells nothing about any of them.
        found = [key for key in self._options.keys if hmac.compare_digest(key.digest, digest)]
        if given is None or not found:
            what = "The API key is not known" if given is not None else "No API key was sent"
            raise Problem(
                "no_key",
                f"{what}; send one as 'Authorization: Bearer …' or 'X-API-Key: …'.",
                headers={"WWW-Authenticate": 'Bearer realm="justlens"'},
            )
        return found[0]


def presented_key(headers: Headers) -> str | None:
    """The key a request carries, if any."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key")


def _is_local(request: Request) -> bool:
    """Whether the request comes from this machine, for this machine: a proxy in between, or a foreign name that a web
    page made point here (DNS rebinding), would let others in."""
    if request.client is None or not is_loopback(request.client.host):
        return False
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    return is_loopback(request.url.hostname or "")


def declared_scope(route: Any) -> RouteScope | None:
    """The scope that ``route`` declares, or None."""
    extra = getattr(route, "openapi_extra", None) or {}
    scope: RouteScope | None = extra.get(SCOPE_FIELD)
    return scope


async def authorise(request: Request) -> None:
    """The dependency of every route. Raises Problem."""
    gate: Gate = request.app.state.gate
    gate.enter(request, declared_scope(request.scope.get("route")))


Authorised = Annotated[None, Depends(authorise)]


def scoped(scope: RouteScope, **extra: Any) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that needs ``scope``."""
    security: list[dict[str, list[str]]] = [] if scope == "public" else [{"bearer": []}, {"apiKey": []}]
    return {SCOPE_FIELD: scope, "security": security, **extra}


def refuse_undeclared(app: FastAPI) -> None:
    """Raises ValueError for a route that declares no scope, or that is of a kind the gate does not stand before."""
    for route in app.routes:
        if not isinstance(route, APIRoute) or declared_scope(route) is None:
            raise ValueError(f"route {getattr(route, 'path', route)} declares no scope; register it with scoped(…)")
