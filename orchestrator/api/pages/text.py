"""Text as HTML: everything is escaped here, and nowhere else."""

import json
import re
from html import escape
from typing import Any


def inline(text: str) -> str:
    """One line of text; what stands in backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def paragraphs(text: str) -> str:
    """Text in paragraphs."""
    return "".join(f"<p>{inline(part)}</p>" for part in text.strip().split("\n\n") if part)


def code(text: str, label: str) -> str:
    """A block of code with a button that copies it. ``{origin}`` becomes the address the page was loaded from."""
    shown = escape(text).replace("{origin}", "<span data-origin>http://127.0.0.1:8080</span>")
    return (
        f'<figure class="code"><figcaption>{escape(label)}<button type="button" data-copy>Copy</button></figcaption>'
        f'<pre tabindex="0"><code>{shown}</code></pre></figure>'
    )


def pretty(value: Any) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False)
