"""``python -m workers.training world --out FOLDER``: JPEG files, a line of truth for each, and a contact sheet."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from rich.progress import track

from workers.training.world.glyphs import missing
from workers.training.world.scene import jpeg, scene
from workers.training.world.sheet import CELL_PX, contact_sheet
from workers.training.world.truth import Split

# The sample pictures that come with the demo, none of a layout or a variant that was trained on:
#   python -m workers.training world --out FOLDER --split held_out --size 360 --only
#   9000 9001 9002 9003 9004 9009 9012 9013 9015 9017 9018 9019 9020 9021 9023 9027 9028 9032 9041 9042 9043
#   9048 9049 9052 9053 9054 9061 9062 9075 9081


def main(arguments: Sequence[str]) -> int:
    """Draw ``--count`` pictures of ``--split`` from ``--start`` on, or those that ``--only`` names. Needs the fonts."""
    asked = _parser().parse_args(arguments)
    problem = missing()
    if problem:
        print(problem)
        return 1
    indexes = asked.only or range(asked.start, asked.start + asked.count)
    asked.out.mkdir(parents=True, exist_ok=True)
    thumbnails: list[Image.Image] = []
    with (asked.out / "truth.jsonl").open("w", encoding="utf-8") as truths:
        for index in track(indexes, description="drawing"):
            shown = scene(Split(asked.split), index, size=asked.size)
            name = f"{asked.split}-{index:06d}.jpg"
            (asked.out / name).write_bytes(jpeg(shown))
            truths.write(json.dumps({"file": name, **dataclasses.asdict(shown.truth)}, ensure_ascii=False) + "\n")
            if asked.sheet is not None:
                shown.picture.thumbnail((CELL_PX, CELL_PX))
                thumbnails.append(shown.picture)
    if asked.sheet is not None:
        contact_sheet(thumbnails).save(asked.sheet, quality=88)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training world", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the pictures and truth.jsonl")
    parser.add_argument("--count", type=int, default=100, help="how many (100)")
    parser.add_argument("--start", type=int, default=0, help="number of the first (0)")
    parser.add_argument("--only", type=int, nargs="+", help="just these numbers")
    parser.add_argument("--split", choices=[split.value for split in Split], default=Split.TRAIN.value)
    parser.add_argument("--size", type=int, help="longer side in pixels (240 to 640, varied)")
    parser.add_argument("--sheet", type=Path, help="also write all of them on one picture")
    return parser
