"""What a vision-language model might answer at its worst. The same answers every time."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.domain.prompts.profiles import PromptProfile
from tests.kit.fake_relevance import SAID

DETAILS: Mapping[str, Any] = {
    **SAID,
    "people": 0,
    "items": ["cake"],
    "readable_text": "OPEN",
    "blur": False,
    "watermark": True,
    "screenshot": False,
    "nudity": 0,
    "business_name_seen": False,
    "cat_match": 1,
}
EVIDENCE: Mapping[str, Any] = {"evidence_for": ["cake"], "evidence_against": []}
"""What a profile asks for that wants reasons before the verdict."""
VALID = json.dumps({**SAID, "cat_match": 1})

HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 1.0, 0.5, 1.5, -0.0, 10**30, 10**400, 1e308, "", " ", "\x00", "\x1b[31mred",
    "\u202eevil", "half \ud800", "\udfff", "<script>alert(1)</script>", "'; DROP TABLE alttags; --", "{{7*7}}",
    "${jndi:ldap://x}", "$set", "../../etc/passwd", "x" * 1201, "y" * 19_000, "word " * 200, "again and again " * 40,
    "I'm sorry, I can't see the image.", "مرحبا " * 30, "🍰" * 50, [], [None], [[]], ["a"], ["a", "a"],
    ["a", "A", " a "], ["", ""], ["\x00", "\x01"], ["a"] * 9, ["a", 1], ["z" * 41, "b"], ["a", "\ud800"], {},
    {"$gt": ""}, {"a": {"b": {}}}, ["a", "<b>"], "1", "0", "true", "NaN",
)  # fmt: skip
HOSTILE_TEXTS = (
    "", " ", "\n\n", "null", "true", "1", "NaN", "-Infinity", "1e309", "[]", "{}", '"text"', "not JSON at all", "{",
    "}", "{]", '{"description"', '{"description": }', "{'description': 'single'}", '{"description": "open',
    "<html><body>no</body></html>", "SELECT * FROM alttags", "\x00", "\ud800", "\ufeff" + VALID, VALID + VALID,
    VALID + " trailing", "Sure! " + VALID, VALID[:-1], VALID[1:], VALID.replace('"', "'"),
    VALID.replace("1}", "NaN}"), VALID.replace("1}", "Infinity}"), VALID.replace("1}", "1e309}"),
    VALID.replace("1}", "-1e309}"), VALID.replace("1}", "01}"), VALID.replace("1}", "1,}"),
    VALID.replace("1}", "9" * 5000 + "}"), VALID.replace("1}", '1, "cat_match": 0}'),
    VALID.replace("1}", '1, "tags": ["q", "r"]}'), VALID.replace("1}", '1, "x": 1}'),
    VALID.replace("1}", '1, "\\ud800": 1}'), VALID.replace("1}", '1, "__proto__": {}}'), "[" * 10_000, '{"a":' * 3000,
    "[" * 9000 + "]" * 9000, VALID + " " * 2**20, "x" * 2**20, '"' + "x" * 2**20 + '"',
    json.dumps({**SAID, "cat_match": 1, "pad": "x" * 2**20}), f"```\n{VALID}\n```", f"```json\n{VALID}",
    f"{VALID}\n```", f"```json\n```json\n{VALID}\n```\n```", f"```json\n{VALID}\n```\nHope this helps!",
    f"```python\n{VALID}\n```", f"```json\n{VALID}\n```\n```json\n{VALID}\n```", "/* comment */ " + VALID,
    VALID.encode("utf-16").decode("latin-1"),
)  # fmt: skip


def hostile_answers(
    plain: PromptProfile, with_cat: PromptProfile, long: PromptProfile
) -> Iterator[tuple[PromptProfile, str]]:
    """Every hostile text, every hostile value in every field, every field left out, and mutated valid answers."""
    for text in HOSTILE_TEXTS:
        yield with_cat, text
    for name in DETAILS:
        yield long, json.dumps({key: value for key, value in DETAILS.items() if key != name})
        for value in HOSTILE_VALUES:
            yield long, json.dumps({**DETAILS, name: value})
    chance = random.Random(20_240_229)
    for _ in range(300):
        text = list(VALID)
        for _ in range(chance.randint(1, 4)):
            text[chance.randrange(len(text))] = chance.choice('{}[]",:\\\x00\x1f01eE-.nNtTu\ud800\u202e \n')
        yield chance.choice((with_cat, plain, long)), "".join(text)
