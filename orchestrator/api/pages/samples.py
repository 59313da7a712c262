"""Requests to copy: the same one for a shell and for a browser."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

Operation = Mapping[str, Any]

START = """\
const API = "{origin}";
const response = await fetch(`${API}/v1/relevancy/shop-17?limit=6`, {
  headers: { Authorization: "Bearer YOUR_KEY" },
});
if (!response.ok) throw new Error((await response.json()).detail);
const { static: best } = await response.json();
if (best) {
  const image = new Image();
  image.src = new URL(best.url, API);
  image.alt = best.alt_text ?? "";
  if (best.width) [image.width, image.height] = [best.width, best.height];
  document.body.append(image);
}"""
"""From a business to a picture on a page."""


def address(path: str, operation: Operation) -> str:
    """The operation's address with example values."""
    query: dict[str, Any] = {}
    for parameter in operation.get("parameters", ()):
        example = next(iter(parameter["schema"].get("examples", ())), None)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(str(example), safe="/"))
        elif example is not None:
            query[parameter["name"]] = example
    return "{origin}" + path + (f"?{urlencode(query)}" if query else "")


def curl(method: str, path: str, operation: Operation) -> str:
    """For a shell."""
    lines = [f"curl '{address(path, operation)}'"]
    if operation.get("security"):
        lines.append("-H 'Authorization: Bearer YOUR_KEY'")
    if (body := body_example(operation)) is not None:
        lines += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body, indent=2)}'"]
    elif method != "get":
        lines.append(f"-X {method.upper()}")
    return " \\\n  ".join(lines)


def fetch(method: str, path: str, operation: Operation) -> str:
    """For a browser."""
    headers = {"Authorization": "Bearer YOUR_KEY"} if operation.get("security") else {}
    options: list[str] = []
    if (body := body_example(operation)) is not None:
        options += [f'method: "{method.upper()}"', f"body: JSON.stringify({json.dumps(body, indent=2)})"]
        headers["Content-Type"] = "application/json"
    if headers:
        options.insert(0, "headers: {" + ", ".join(f'"{name}": "{value}"' for name, value in headers.items()) + "}")
    given = ", {\n" + "".join(f"{option},\n" for option in options) + "}" if options else ""
    return (
        f'const response = await fetch("{address(path, operation)}"{_indented(given)});\n'
        "if (!response.ok) throw new Error((await response.json()).detail);\n"
        f"const answer = await response.{_reader(operation)}();"
    )


def body_example(operation: Operation) -> Any:
    """The example of what the operation takes, or None."""
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")


def _indented(options: str) -> str:
    lines = options.split("\n")
    return "\n".join([lines[0], *(f"  {line}" for line in lines[1:-1]), lines[-1]]) if len(lines) > 1 else options


def _reader(operation: Operation) -> str:
    content: Mapping[str, Any] = next(
        (it.get("content", {}) for status, it in operation["responses"].items() if status[0] == "2"), {}
    )
    if "application/json" in content:
        return "json"
    return "blob" if any(name.startswith("image/") for name in content) else "text"
