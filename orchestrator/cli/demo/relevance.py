"""What the demo shows of the relevance road: a row per picture, and who said what is in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.cli.terminal import PIPE_WIDTH, plain, table
from orchestrator.domain.relevance.scoring import DUMMY_MODEL


@dataclass(frozen=True, slots=True)
class RelevanceRow:
    """What is known of one picture. ``score`` and ``quality`` 0 to 1; ``problem`` says why there is nothing."""

    business: str
    image: str
    tags: tuple[str, ...] = ()
    alt_text: str = ""
    category: str | None = None
    score: float | None = None
    categories: int = 0
    quality: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Makers:
    """The models behind the rows, as the results name them."""

    tags: tuple[str, ...]
    texts: tuple[str, ...]
    scores: tuple[str, ...]


def relevance_row(known: Mapping[str, Any], ends: Mapping[str, Mapping[str, Any]]) -> RelevanceRow:
    """A picture's row from the answer of the operation ``image`` and the ends of its job by stage."""
    about = (known["business_id"], known["image_id"])
    given_up = next((end for end in ends.values() if end["outcome"] != "done"), None)
    sections, relevance = known["metadata"] or {}, known["relevance"] or {}
    if given_up is not None:
        reason = given_up["reason"]
        return RelevanceRow(*about, problem=f"{given_up['outcome']}: {reason['code'] if reason else 'unknown'}")
    if "description" not in sections:
        return RelevanceRow(*about, problem="not yet")
    clip, scores = sections.get("clip") or {}, relevance.get("scores") or []
    best = max(scores, key=lambda it: it["score"], default=None)
    return RelevanceRow(
        *about,
        tags=tuple(name for name, _score in clip.get("tags", ())),
        alt_text=(known["alt_text"] or {}).get("alt_text", ""),
        category=best["name"] if best else None,
        score=best["score"] if best else None,
        categories=len(scores),
        quality=clip.get("quality"),
    )


def makers_of(known: Iterable[Mapping[str, Any]]) -> Makers:
    """The models that the sections name."""
    found: dict[str, set[str]] = {"clip": set(), "description": set(), "relevance": set()}
    for one in known:
        sections = {**(one["metadata"] or {}), "relevance": one["relevance"]}
        for name, models in found.items():
            if model := (sections.get(name) or {}).get("model"):
                models.add(str(model))
    return Makers(*(tuple(sorted(models)) for models in found.values()))


def explain_makers(makers: Makers) -> str:
    """Who made what, in sentences: nobody is to take a stand-in's word for a model's."""
    tags, texts, scores = (" and ".join(names) or "nothing yet" for names in (makers.tags, makers.texts, makers.scores))
    made = f"Tags and quality here come from {_model(tags)}, descriptions and alt texts from {_model(texts)}."
    if tags == texts:
        made = f"Tags, quality, descriptions and alt texts here come from {_model(tags)}."
    lines = [made, f"Scores compare those descriptions with the names of the categories, by {scores}."]
    lines += [said for name, said in _ABOUT.items() if name in (*makers.tags, *makers.texts)]
    if DUMMY_MODEL in (*makers.tags, *makers.texts):
        lines.append(f"The {DUMMY_MODEL} model measures pixels and knows nothing of what a picture shows.")
    if DUMMY_MODEL in makers.texts:
        lines.append("So its placeholder texts fit no category, and their scores say how the system works, not more.")
    return " ".join(lines)


_ABOUT = {
    "justlens-clip": "The built-in justlens-clip learnt on drawn pictures: of photographs it knows nothing.",
    "template": "Template texts are put together from the tags; no model wrote them.",
}
"""What one has to know of the models that come with JustLens."""


def _model(names: str) -> str:
    return f"the {names} model" if names == DUMMY_MODEL else names


def show_relevance(console: Console, rows: Sequence[RelevanceRow], makers: Makers) -> None:
    """Who made it, then the table."""
    console.print(Text("Relevance", style="bold"))
    console.print(plain(explain_makers(makers), "yellow" if DUMMY_MODEL in (*makers.tags, *makers.texts) else ""))
    made = table("", ["image", "tags, alt text", "best category", "score", "quality"], numbers=["score", "quality"])
    made.title = None
    made.expand = console.width < PIPE_WIDTH
    for column in made.columns[:3]:
        column.no_wrap, column.overflow = True, "ellipsis"
    made.columns[1].ratio = 1
    for row in rows:
        made.add_row(*_cells(row))
    console.print(made)


def _cells(row: RelevanceRow) -> list[Text]:
    image = _two_lines(plain(row.image), row.business)
    if row.problem:
        return [image, plain(row.problem, "red" if row.problem != "not yet" else "yellow"), Text(), Text(), Text()]
    tags = plain(", ".join(row.tags), "cyan") if row.tags else Text("no tags", style="dim")
    best = plain(row.category, "green") if row.category else Text("-")
    others = f"of {row.categories}" if row.categories else "no categories known"
    score, quality = (Text("-" if number is None else f"{number:.2f}") for number in (row.score, row.quality))
    return [image, _two_lines(tags, row.alt_text or "no alt text"), _two_lines(best, others), score, quality]


def _two_lines(first: Text, second: str) -> Text:
    return Text("\n").join([first, plain(second, "dim")])
