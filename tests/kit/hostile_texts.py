"""Requests of texts that nobody should send, made by code: name, bytes, and the answers that are true of them."""

import json
from collections.abc import Iterator

from tests.kit.hostile_images import Hostile
from workers.wire import MAX_TEXT_CHARS, MAX_TEXTS

STRANGE = {
    "empty": "", "space": " ", "white": "\t\r\n", "nul": "\0", "a thousand nul": "\0" * 1000,
    "controls": "\x01\x02\x1b[31m\x7f", "separators": "\u0085\u2028\u2029", "byte order mark": "\ufeff",
    "no characters": "\ufffd\ufffe\uffff", "nothing wide": "\u200b" * 500, "right to left": "\u202e override",
    "isolates": "\u2066\u2067\u2068 never closed " * 100, "arabic": "دكان الزهور", "hebrew": "\u05d7\u05e0\u05d5\u05ea",
    "accents apart": "e\u0301" * 200, "accents piled up": "Z" + "\u0301\u0324" * 3000, "emoji": "😀",
    "joined emoji": "👩\u200d👧🏳\ufe0f\u200d🌈" * 50, "joiner": "\u200d", "many joiners": "\u200d" * 9000,
    "five scripts": "🏪 店 ಅಂಗಡಿ دكان магазин", "last character": "\U0010ffff", "private": "\ue000\U000f0000",
    "special tokens": "[CLS] [SEP] [PAD] [MASK] [UNK]", "padding": "[PAD]" * 300, "word piece": "##ing",
    "one long word": "a" * MAX_TEXT_CHARS, "as many words": "a " * (MAX_TEXT_CHARS // 2),
    "sharp s": "ß" * MAX_TEXT_CHARS, "ideographs": "漢" * MAX_TEXT_CHARS,
    "grows when lowered": "İ" * 300, "grows when normalised": "ﷺ" * 400,
    "sql": "'; DROP TABLE words; --", "script": "<script>alert(1)</script>", "formats": "%s%n{0}${x}",
    "escape of a surrogate": "\\ud800", "path": "../../etc/passwd", "number": "1e309", "nan": "NaN", "null": "null",
    "dashes": "-" * 5000, "line feeds": "\n" * 5000, "backslashes": "\\" * 5000, "quotes": '"' * 5000,
}  # fmt: skip
_DONE, _BAD = frozenset({"done"}), frozenset({"bad_request"})


def _texts(*texts: object) -> bytes:
    return json.dumps({"texts": texts}).encode()


def _wrong_bodies() -> Iterator[tuple[str, bytes]]:
    yield "nul bytes", b"\0" * 1000
    yield "half of an object", b"{"
    yield "nothing but white", b" \n\t "
    yield "null body", b"null"
    yield "a string", b'"texts"'
    yield "a list", b'["a shop"]'
    yield "a million digits", b'{"texts": ' + b"9" * 1_000_000 + b"}"
    yield "deep lists", b"[" * 100_000
    yield "deep lists inside", b'{"texts": [' + b"[" * 5000 + b"]" * 5000 + b"]}"
    yield "deep objects", b'{"texts":' * 10_000
    yield "texts are null", b'{"texts": null}'
    yield "texts are an object", b'{"texts": {"a": "b"}}'
    yield "texts are a text", b'{"texts": "a shop"}'
    yield "texts are missing", b"{}"
    yield "another name", b'{"text": ["a shop"]}'
    yield "a null among them", b'{"texts": ["fine", null]}'
    yield "a number among them", b'{"texts": ["fine", 1]}'
    yield "true among them", b'{"texts": [true]}'
    yield "a list among them", b'{"texts": [["nested"]]}'
    yield "half a pair", b'{"texts": ["\\ud800"]}'
    yield "pair the wrong way round", b'{"texts": ["\\udfff\\ud800"]}'
    yield "surrogate as UTF-8", b'{"texts": ["\xed\xa0\x80"]}'
    yield "no UTF-8", b'{"texts": ["\xff\xfe"]}'
    yield "UTF-16", '{"texts": ["a shop"]}'.encode("utf-16")
    yield "UTF-8 too long", b'{"texts": ["\xc0\x80"]}'
    yield "half a character", b'{"texts": ["\xf0\x9f\x98"]}'
    yield "raw control", b'{"texts": ["raw \x01 control"]}'
    yield "end is missing", b'{"texts": ["end'
    yield "comma at the end", b'{"texts": ["a",]}'
    yield "two bodies", b'{"texts": ["a"]}{"texts": ["b"]}'
    yield "NaN among them", b'{"texts": [NaN]}'
    yield "form", b"texts=a+shop"
    yield "png", b"\x89PNG\r\n\x1a\n" + bytes(1000)


def hostile_texts() -> list[Hostile]:
    """All of them."""
    many, long = frozenset({"too_many_texts"}), frozenset({"text_too_long"})
    return [
        *(Hostile(f"text: {name}", _texts(text, "a shop"), _DONE) for name, text in STRANGE.items()),
        Hostile("no texts", _texts(), _DONE),
        Hostile("as many texts as may be", _texts(*["x"] * MAX_TEXTS), _DONE),
        Hostile("a name twice", b'{"texts": [1], "texts": ["a shop"]}', _DONE | _BAD),
        Hostile(
            "unknown name", b'{"texts": ["a shop"], "model": "another", "a": ' + b"[" * 50 + b"]" * 50 + b"}", _DONE
        ),
        *(Hostile(name, body, _BAD) for name, body in _wrong_bodies()),
        Hostile("no body", b"", frozenset({"empty"})),
        Hostile("100,000 texts", _texts(*["x"] * 100_000), many),
        Hostile("one text too many", _texts(*["x"] * (MAX_TEXTS + 1)), many),
        Hostile("a text of a megabyte", _texts("x" * 1_000_000), long),
        Hostile("a character too many", _texts("fine", "x" * (MAX_TEXT_CHARS + 1)), long),
        Hostile("too many bytes", _texts("x" * (33 << 20)), frozenset({"too_large"})),
    ]
