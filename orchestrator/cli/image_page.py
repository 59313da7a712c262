"""One image on a terminal: a block per stage, then its jobs. Whatever a model or a publisher wrote is shown as text."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrator.cli.dlq.render import letters_hint
from orchestrator.cli.terminal import age, plain, table
from orchestrator.domain.display import is_of

Fields = Mapping[str, Any]
Fact = tuple[str, object]

_SHA256_SHOWN = 16
_LABEL_WIDTH = 12
_SHOWN = ("text", "alt_text", "tags", "cat_match", "category_id", "language", "model", "weights", "prompt")
_DESCRIBED = frozenset((*_SHOWN, "prompt_version", "source_sha256", "version", "updated_at"))
_TITLES = {"alt_text": "Alt text"}
_OUTCOMES = {"done": "green", "dead": "red", "dropped": "yellow", "routed": "yellow"}


def image_page(found: Fields, command: str) -> RenderableType:
    """The answer of the operation ``image`` as blocks; ``command`` is how a command about the same system begins."""
    sections: Fields = found["metadata"] or {}
    heading = plain(f"{found['business_id']}/{found['image_id']}", "bold underline")
    stages: Sequence[tuple[str, Fields | None, Callable[[Fields], RenderableType]]] = (
        ("Source", sections.get("source"), partial(_facts, "Source", _source)),
        ("Original", sections.get("content"), partial(_facts, "Original", _content)),
        ("Enhanced", sections.get("enhanced"), partial(_facts, "Enhanced", _enhanced)),
        ("Tags", sections.get("clip"), partial(_facts, "Tags", _clip)),
        ("Description", sections.get("description"), partial(_facts, "Description", _description)),
        ("Alt text", found["alt_text"], partial(_facts, "Alt text", _alt_text)),
        ("Alt text candidates", sections.get("seo"), _candidates),
        ("Scores", found["relevance"], _scores),
        ("Catalogue", found["catalogue"], partial(_facts, "Catalogue", _catalogue)),
    )
    unread = {_TITLES.get(part["part"]) for part in found["missing"]}
    unknown = [title for title, section, _ in stages if not section and title not in unread]
    blocks = [show(section) for _, section, show in stages if section]
    stale = [title for title, section, _ in stages if section and not is_of(section, sections.get("content") or {})]
    if stale:
        note = f"Left out of answers: {', '.join(stale)}. Made of another content than the Original; publish it anew."
        blocks.append(Padding(plain(note, "yellow"), (0, 0, 1, 0)))
    if unknown:
        about = Text().append("Nothing known: ", style="bold").append(", ".join(unknown), style="dim")
        blocks.append(Padding(about, (0, 0, 1, 0)))
    return Group(heading, Text(), *blocks, *_jobs(found["jobs"]), *_letters(found["dead_letters"], command))


def _facts(title: str, facts: Callable[[Fields], Iterator[Fact]], section: Fields) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=_LABEL_WIDTH)
    grid.add_column(overflow="fold")
    for label, value in facts(section):
        if value not in (None, "", (), []):
            grid.add_row(label, value if isinstance(value, Text) else plain(value))
    if "version" in section:
        grid.add_row("version", plain(_version(section), "dim"))
    return Group(Text(title, style="bold"), Padding(grid, (0, 0, 1, 2)))


def _version(section: Fields) -> str:
    written = section.get("updated_at")
    return f"{section['version']}" + (f", {age(time.time() - written / 1000)} ago" if written else "")


def _source(section: Fields) -> Iterator[Fact]:
    yield "url", section["image_url"]
    for url in section.get("served_urls") or ():
        yield "served as", url


def _content(section: Fields) -> Iterator[Fact]:
    yield "picture", f"{section['width']}x{section['height']} {section['format']}, {section['bytes']:,} bytes"
    yield "sha256", section["sha256"]
    yield "phash", section["phash"]


def _enhanced(section: Fields) -> Iterator[Fact]:
    if "skipped" in section:
        yield "skipped", plain(section["skipped"], "yellow")
        rendition = section.get("rendition")
        yield "shown as", f"{rendition['width']}x{rendition['height']}, {rendition['key']}" if rendition else None
        yield "made of", _short(section["source_sha256"])
        return
    picture = f"{section['width']}x{section['height']}, x{section['scale']:.3g} by {section['model']}"
    yield "picture", plain(picture, "green")
    yield "key", section["key"]
    yield "made of", _short(section["source_sha256"])


def _clip(section: Fields) -> Iterator[Fact]:
    shown = "may be shown" if section["class_valid"] else "must not be shown"
    style = "green" if section["class_valid"] else "red"
    yield "tags", ", ".join(f"{name} {score:.2f}" for name, score in section["tags"]) or "none"
    yield "class", plain(section["class"]).append(f" ({shown})", style=style)
    yield "quality", f"{section['quality']:.2f}"
    yield "model", f"{section['model']}, space {section['space']}"
    yield "made of", _short(section["source_sha256"])


def _description(section: Fields) -> Iterator[Fact]:
    yield "text", section["text"]
    yield "alt text", section["alt_text"]
    yield "tags", ", ".join(section["tags"])
    match = {0: "no", 1: "yes"}.get(section["cat_match"])
    yield "fits", f"{match} (category {section['category_id']})" if match else "not asked"
    for name in sorted(section.keys() - _DESCRIBED):
        yield name.replace("_", " "), str(section[name])
    yield "language", section["language"]
    yield "model", f"{section['model']}, weights {section['weights']}"
    yield "prompt", f"{section['prompt']}, version {section['prompt_version']}"
    yield "made of", _short(section["source_sha256"])


def _alt_text(text: Fields) -> Iterator[Fact]:
    yield "in force", plain(text["alt_text"], "green")
    yield "written by", "a person" if text["source"] == "human" else f"the model {text['model']}"
    yield "prompt", text["prompt_version"]


def _candidates(section: Fields) -> RenderableType:
    made = table("Alt text candidates", ["candidate", "source", "similarity", "problem"], numbers=["similarity"])
    for one in section["candidates"]:
        chosen = one["text"] == section["alt_text"]
        similarity = "-" if one["similarity"] is None else f"{one['similarity']:.3f}"
        text, problem = plain(one["text"], "green" if chosen else ""), plain(one["problem"] or "", "red")
        made.add_row(text, plain(one["source"]), similarity, problem)
    about = section.get("skipped") or f"made by {section['model']}"
    return Group(made, _notes([about, f"of the description {section['description_version']}"]))


def _scores(relevance: Fields) -> RenderableType:
    parts = ["description", "cat_match", "clip"]
    made = table("Scores", ["category", "id", "score", *parts], numbers=["score", *parts])
    for one in sorted(relevance["scores"], key=lambda it: (-it["score"], it["category_id"])):
        numbers = ("-" if one["parts"][name] is None else f"{one['parts'][name]:.3f}" for name in parts)
        made.add_row(plain(one["name"]), plain(one["category_id"], "dim"), f"{one['score']:.3f}", *numbers)
    if not relevance["scores"]:
        made.add_row(Text("the business has no categories", style="dim"))
    lines = [f"by {relevance['space']}", f"version {_version(relevance)}"]
    lines.append(f"formula {relevance.get('formula') or 'of an earlier release, not comparable with others'}")
    lines += [f"part {name}: {note.replace('_', ' ')}" for name, note in (relevance.get("notes") or {}).items()]
    lines += [f"made with {name.removesuffix('_version')} {used}" for name, used in relevance["inputs"].items()]
    return Group(made, _notes(lines))


def _notes(lines: Sequence[str]) -> RenderableType:
    return Padding(Text("\n").join(plain(line, "dim") for line in lines), (0, 0, 1, 2))


def _catalogue(entry: Fields) -> Iterator[Fact]:
    yield "url", entry["image_url"]
    yield "served as", ", ".join(entry["served_urls"])
    yield "shown", "yes" if entry["valid"] else plain("no: the catalogue calls it invalid", "red")
    yield "class", entry["image_class"]
    yield "quality", entry["quality"]
    yield "contract", entry["contract"]


def _jobs(ends: Sequence[Fields]) -> Iterator[RenderableType]:
    if not ends:
        return
    made = table("Jobs", ["job, queue", "outcome", "tries", "ms"], numbers=["tries", "ms"])
    made.columns[0].no_wrap = True
    for job_id in dict.fromkeys(end["job_id"] for end in ends):
        made.add_row(plain(job_id, "dim"))
        for end in (it for it in ends if it["job_id"] == job_id):
            outcome = plain(end["outcome"], _OUTCOMES.get(end["outcome"], ""))
            if end["reason"]:
                outcome.append_text(plain(f": {end['reason']['code']}"))
            made.add_row(plain(f"  {end['queue']}"), outcome, str(end["attempts"]), f"{end['took_ms']:.0f}")
    yield made


def _letters(letters: Sequence[Fields], command: str) -> Iterator[RenderableType]:
    if not letters:
        return
    made = table("Dead letters", ["queue, letter", "reason"])
    made.columns[0].no_wrap = True
    for letter in letters:
        name = Text("\n").join([plain(letter["queue"]), plain(letter["letter_id"], "dim")])
        made.add_row(name, Text("\n").join([plain(letter["reason"], "red"), plain(letter["message"], "dim")]))
    yield made
    yield letters_hint(command)


def _short(sha256: object) -> str:
    return f"sha256 {str(sha256)[:_SHA256_SHOWN]}…"
