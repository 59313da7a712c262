"""The vlm worker with the template model, in front of a clip model that knows squares of a colour.

python -m tests.kit.template_worker --port 0 [options of python -m workers.vlm]
"""

from types import MappingProxyType

from tests.kit.sighted_clip import Shown, SightedClip
from workers.clip.vocabulary import BUILT_IN
from workers.vlm import command, model
from workers.vlm.template_describer import TemplateDescriber

RED = (200, 30, 30)
SHOWN = Shown("the front of a bakery", ("bread", "croissant"), "exterior")


def load(_options: model.ModelOptions) -> model.VlmModel:
    """In the place of the built-in CLIP."""
    return TemplateDescriber(SightedClip({RED: SHOWN}), BUILT_IN)


def main() -> None:
    """Serve until killed."""
    command.MODELS = MappingProxyType({**command.MODELS, "template": load})
    command.main()


if __name__ == "__main__":
    main()
