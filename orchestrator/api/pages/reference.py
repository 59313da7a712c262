"""The documentation page, made from the OpenAPI document: one file that asks nothing of any other server."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

from orchestrator.api.examples import problem_example
from orchestrator.api.pages.fields import field_tables, row, type_text
from orchestrator.api.pages.samples import START, curl, fetch
from orchestrator.api.pages.text import code, inline, paragraphs, pretty
from orchestrator.api.problems import TITLES

Document = Mapping[str, Any]

_KEYS = """\
Send your key with every request: `Authorization: Bearer YOUR_KEY`, or `X-API-Key: YOUR_KEY`. A key opens scopes: `read`
reads answers and jobs, `publish` publishes jobs, `admin` may do everything. Pictures need no key.

Everybody can read a key that is part of a web page: give pages a key with the scope `read` alone, or call the API from
your own server. A browser may call the API from the web origins that its operator allows (CORS).

`RateLimit` in every answer says how many requests the key has left and for how many seconds; over the limit the answer
is 429 with `Retry-After`.
"""
_ERRORS = """\
Every error is a problem document (RFC 9457, `application/problem+json`). Let programs look at `code`; `detail` tells
people what to do. `errors` names each wrong field. `X-Request-Id` finds the request in the log of the server.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and the Content-Security-Policy that lets exactly its own style and script run."""

    html: str = field(repr=False)
    policy: str


def reference_page(document: Document) -> Page:
    """The page for an OpenAPI document."""
    style, script = (files(__package__).joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    groups = _groups(document)
    body = _intro(document) + "".join(_section(group, document) for group in groups)
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(document['info']['title'])}</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#main">Skip to content</a>{_navigation(document, groups)}'
        f'<main id="main">{body}</main><script>{script}</script></body></html>'
    )
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'"
    return Page(html, f"{policy}; form-action 'none'; frame-ancestors 'none'")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    about: str
    operations: tuple[tuple[str, str, Document], ...]


def _groups(document: Document) -> list[_Group]:
    def operations(tag: str) -> Iterator[tuple[str, str, Document]]:
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag in operation["tags"]:
                    yield method, path, operation

    return [_Group(tag["name"], tag["description"], tuple(operations(tag["name"]))) for tag in document["tags"]]


def _navigation(document: Document, groups: list[_Group]) -> str:
    links = "".join(
        f"<h2>{escape(group.name)}</h2><ul>"
        + "".join(
            f'<li><a href="#{escape(it["operationId"])}">{_badge(method)}{escape(_short(path))}</a></li>'
            for method, path, it in group.operations
        )
        + "</ul>"
        for group in groups
    )
    info = document["info"]
    first = '<li><a href="#start">Start here</a></li><li><a href="#keys">Keys and limits</a></li>'
    return (
        f'<nav aria-label="Contents"><p class="brand">{escape(info["title"])}'
        f"<small>{escape(info['version'])}</small></p>"
        f'<ul>{first}<li><a href="#errors">Errors</a></li></ul>{links}'
        '<p class="raw"><a href="/openapi.json">OpenAPI document</a></p></nav>'
    )


def _short(path: str) -> str:
    return path.replace("{business_id}", "{…}").replace("{job_id}", "{…}").replace("{key}", "{…}")


def _badge(method: str) -> str:
    return f'<span class="method {escape(method)}">{escape(method.upper())}</span>'


def _intro(document: Document) -> str:
    info = document["info"]
    codes = "".join(_problem_row(name) for name in TITLES)
    return (
        f'<section id="start"><h1>{escape(info["title"])}</h1><p class="lead">{inline(info["summary"])}.</p>'
        f"{paragraphs(info['description'])}{code(START, 'JavaScript')}</section>"
        f'<section id="keys"><h2>Keys and limits</h2>{paragraphs(_KEYS)}</section>'
        f'<section id="errors"><h2>Errors</h2>{paragraphs(_ERRORS)}'
        f"{code(pretty(problem_example('invalid')), 'Example')}"
        f'<div class="scroll"><table><tbody>{codes}</tbody></table></div></section>'
    )


def _problem_row(name: str) -> str:
    status, title = TITLES[name]
    return (
        f'<tr id="{escape(name)}"><th scope="row"><code>{escape(name)}</code></th>'
        f'<td><span class="status s{status // 100}">{status}</span> {inline(title)}</td></tr>'
    )


def _section(group: _Group, document: Document) -> str:
    made = "".join(_operation(*it, document) for it in group.operations)
    return f'<h2 class="group">{escape(group.name)}</h2><p>{inline(group.about)}</p>{made}'


def _operation(method: str, path: str, operation: Document, document: Document) -> str:
    components = document["components"]["schemas"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    takes = f"<h4>Body</h4>{field_tables(body['schema'], components)}" if body else ""
    shell, browser = curl(method, path, operation), fetch(method, path, operation)
    return (
        f'<article id="{escape(operation["operationId"])}"><h3>{inline(operation["summary"])}</h3>'
        f'<p class="route">{_badge(method)}<code>{escape(path)}</code></p>'
        f'<div class="columns"><div>{paragraphs(operation["description"])}{_parameters(operation)}{takes}'
        f"<h4>Answers</h4>{_answers(operation, components)}</div>"
        f'<div class="samples">{code(shell, "curl")}{code(browser, "JavaScript")}'
        f"{_example(operation)}</div></div></article>"
    )


def _parameters(operation: Document) -> str:
    rows = "".join(
        row(it["name"], type_text(it["schema"]), _about(it), needed=it.get("required", False))
        for it in operation.get("parameters", ())
    )
    return f'<h4>Parameters</h4><div class="scroll"><table><tbody>{rows}</tbody></table></div>' if rows else ""


def _about(parameter: Document) -> str:
    default = parameter["schema"].get("default")
    return str(parameter.get("description", "")) + (f" Default: `{default}`." if default is not None else "")


def _answers(operation: Document, components: Document) -> str:
    return "".join(_answer(status, it, components) for status, it in operation["responses"].items())


def _answer(status: str, response: Document, components: Document) -> str:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    tables = field_tables(schema, components, asked=False)
    line = f'<span class="status s{escape(status[:1])}">{escape(status)}</span> {inline(response["description"])}'
    if not tables:
        return f'<p class="answer">{line}</p>'
    return f'<details open class="answer"><summary>{line}</summary>{tables}</details>'


def _example(operation: Document) -> str:
    for status, response in operation["responses"].items():
        example = response.get("content", {}).get("application/json", {}).get("example")
        if example is not None:
            return code(pretty(example), f"Answer {status}")
    return ""
