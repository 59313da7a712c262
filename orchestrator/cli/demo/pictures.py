"""The demo's pictures, the jobs that ask for them, and what is known of the businesses they belong to."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import typer

from orchestrator.cli.publish.folders import PICTURE_SUFFIXES, has_odd_name, printable_name
from orchestrator.domain.ids import id_from_name, normalise_id
from orchestrator.domain.jobs import EnhanceJob, ImageType, RelevanceJob
from orchestrator.domain.versions import EARLIEST_MS

SAMPLES = Path(str(files("orchestrator.cli"))) / "samples"
BROKEN_TEXT = b"This was to be a photograph of the menu, but somebody uploaded its text.\n"


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """One picture of the demo, with its job for each road it takes."""

    enhance: EnhanceJob
    relevance: RelevanceJob | None
    path: Path

    @property
    def business(self) -> str:
        """Whose it is."""
        return self.enhance.business_id

    @property
    def image(self) -> str:
        """Its id."""
        return self.enhance.image_id


def sample_catalogue() -> list[str]:
    """The rows of the sample businesses with their categories, as a catalogue is loaded."""
    return [json.dumps(row) for row in json.loads((SAMPLES / "catalogue.json").read_text(encoding="utf-8"))]


def sample_pictures() -> list[DemoPicture]:
    """The pictures that come with JustLens: photographs to be enhanced, and drawn ones that take both roads."""
    rows = json.loads((SAMPLES / "pictures.json").read_text(encoding="utf-8"))
    return [
        picture(SAMPLES / row["file"], row["business"], row.get("image_type", "general"), row["relevance"])
        for row in rows
    ]


def pictures_in(folder: Path) -> list[DemoPicture]:
    """Every picture file below ``folder``; each sub-folder is a business. Raises BadParameter, also for names that
    make no id, or the same one."""
    if not folder.is_dir():
        raise _refused(f"{folder} is not a folder")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    if not paths:
        known = ", ".join(sorted(PICTURE_SUFFIXES))
        raise _refused(f"no file below {folder} ends in one of {known}")
    pictures: dict[tuple[str, str], DemoPicture] = {}
    for path in paths:
        made = _from_folder(path)
        first = pictures.setdefault((made.business, made.image), made)
        if first is not made:
            names = f"{path} and {first.path.name}"
            raise _refused(f"{names} would have the same id, {made.image}; rename one of them")
    return list(pictures.values())


def _from_folder(path: Path) -> DemoPicture:
    if has_odd_name(path.resolve()):
        raise _refused(f"the name of {printable_name(path)}, or its folder's, is not UTF-8; rename it")
    try:
        return picture(path, _as_id(path.parent.name))
    except ValueError as error:
        raise _refused(f"{path}: its name makes no id ({error}); rename it") from error


def _refused(why: str) -> typer.BadParameter:
    return typer.BadParameter(why, param_hint="FOLDER")


def broken_picture(folder: Path) -> DemoPicture:
    """A job that cannot work, on purpose: its picture is a text file, written into ``folder``."""
    path = folder / "menu.jpg"
    path.write_bytes(BROKEN_TEXT)
    return picture(path, "corner-cafe")


def picture(path: Path, business: str, image_type: ImageType = "general", relevance: bool = True) -> DemoPicture:
    """The jobs for one file, with one for the relevance road where that is wanted. The same file gives the same jobs,
    so that a second run finds them done."""
    body = path.read_bytes()
    identity = f"{business}/{path.name}/{hashlib.sha256(body).hexdigest()}"
    enhance = EnhanceJob(
        business_id=business,
        image_id=_as_id(path.stem),
        image_url=path.resolve().as_uri(),
        served_urls=(f"https://cdn.example/{business}/{_as_id(path.stem)}",),
        image_type=image_type,
        job_id=_job_id(identity),
        submitted_at=max(EARLIEST_MS, int(path.stat().st_mtime * 1000)),
    )
    return DemoPicture(enhance, _relevance_of(enhance, identity) if relevance else None, path)


def _relevance_of(enhance: EnhanceJob, identity: str) -> RelevanceJob:
    return RelevanceJob(
        business_id=enhance.business_id,
        image_id=enhance.image_id,
        image_url=enhance.image_url,
        served_urls=enhance.served_urls,
        job_id=_job_id(f"relevance/{identity}"),
        submitted_at=enhance.submitted_at,
    )


def _job_id(identity: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"https://justlens.example/demo/{identity}"))


def _as_id(name: str) -> str:
    return normalise_id(id_from_name(name) or "demo")
