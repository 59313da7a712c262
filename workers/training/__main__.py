"""Run a recipe: ``python -m workers.training RECIPE ...``; each says more with --help."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

RECIPES: Mapping[str, str] = {
    "world": "draw pictures of the demo world, with their truth",
    "sr": "train the enhancement networks on photographs",
    "clip": "train the built-in CLIP on the demo world",
    "vlm": "train the built-in vision-language model on the demo world",
    "text": "export the text model and measure it",
    "quality": "measure everything that comes with JustLens",
}


def usage() -> str:
    lines = [f"  {name:<8} {what}" for name, what in RECIPES.items()]
    return "\n".join(["usage: python -m workers.training RECIPE [options]", "", *lines])


def main(arguments: Sequence[str]) -> int:
    """The recipe's exit status; 2 when there is no such recipe or it is not installed."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else 2
    name, *rest = arguments
    if name not in RECIPES:
        print(f"there is no recipe {name!r}\n\n{usage()}", file=sys.stderr)
        return 2
    try:
        recipe = import_module(f"workers.training.{name}.command")
    except ModuleNotFoundError as error:
        print(f"the recipe {name!r} needs the module {error.name}: pip install 'justlens[workers]'", file=sys.stderr)
        return 2
    return int(recipe.main(rest) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
