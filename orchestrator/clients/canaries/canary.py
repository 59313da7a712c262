"""Canary requests: what every worker in good order answers, and nobody's job.

Each one is unlike those before it, so that no worker answers it from what it remembers.
"""

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from types import MappingProxyType

from orchestrator.clients.canaries.question import MAX_TOKENS, PROMPT, SCHEMA, canary_png
from orchestrator.clients.workers.clip import parse_tag_reply
from orchestrator.clients.workers.enhance import parse_enhance_reply
from orchestrator.clients.workers.exchange import WorkerRequest
from orchestrator.clients.workers.replies import parse_encode_reply
from orchestrator.clients.workers.vlm import parse_generate_reply
from workers.wire import ENCODE_PATH, ENHANCE_PATH, GENERATE_PATH, TAG_PATH, EncodeRequest, GenerateParameters

_PICTURE = {"Content-Type": "application/octet-stream"}


def canary_for(service: str) -> WorkerRequest[object]:
    """A request for a worker of ``service`` (enhance, clip, text, vlm)."""
    return _MAKERS[service]()


def _enhance() -> WorkerRequest[object]:
    body = canary_png()
    read = partial(parse_enhance_reply, sha256=sha256(body).hexdigest(), source_bytes=len(body))
    return WorkerRequest(ENHANCE_PATH, {}, body, _PICTURE, read)


def _clip() -> WorkerRequest[object]:
    body = canary_png()
    read = partial(parse_tag_reply, sha256=sha256(body).hexdigest(), source_bytes=len(body))
    return WorkerRequest(TAG_PATH, {}, body, _PICTURE, read)


def _text() -> WorkerRequest[object]:
    body = EncodeRequest(texts=[f"a table by the window, number {secrets.token_hex(4)}"]).model_dump_json().encode()
    read = partial(parse_encode_reply, count=1)
    return WorkerRequest(ENCODE_PATH, {}, body, {"Content-Type": "application/json"}, read)


def _vlm() -> WorkerRequest[object]:
    question = GenerateParameters(prompt=PROMPT, answer_schema=dict(SCHEMA), max_tokens=MAX_TOKENS).model_dump_json()
    body = b"\n".join((question.encode(), canary_png()))
    return WorkerRequest(GENERATE_PATH, {}, body, _PICTURE, parse_generate_reply)


_MAKERS: Mapping[str, Callable[[], WorkerRequest[object]]] = MappingProxyType(
    {"enhance": _enhance, "clip": _clip, "text": _text, "vlm": _vlm}
)
