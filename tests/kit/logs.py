"""What the tests of the log share: a secret that must not be seen, and the lines that were written."""

from collections.abc import Callable
from typing import Any

SECRET = "canary-5ecret"
Logged = Callable[[], list[dict[str, Any]]]
