"""docs/configuration.md, made from the settings themselves.

python -m tests.kit.settings_page docs/configuration.md   write it anew
"""

import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from orchestrator.config import Settings

_HEAD = """# Configuration

Settings come from environment variables; on the command line `--mode`, `--data-dir`, `--queues-file` and `--log-level`
go first. `justlens config` shows each with its value and where it comes from, secrets masked. Times are in seconds,
sizes in bytes. Lists and mappings are written as JSON. The pipeline itself (queues, consumers, deadlines, retry delays)
is `queues.yaml`.

| variable | default | what it is |
|---|---|---|
"""


def settings_page() -> str:
    """The page as Markdown, a line for each setting in the order of the class."""
    rows = [
        f"| `JUSTLENS_{name.upper()}` | {_default(field)} | {_escaped(field.description or '')} |"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None and not isinstance(field.default_factory, type):
        return "depends"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, "", [], {}):
        return "unset"
    return f"`{_escaped(str(value))}`"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_page())
