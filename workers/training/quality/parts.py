"""What measures each built-in model. Imports are inside: each part needs other packages, torch among them."""

from workers.training.figures import Row


def enhancement(_scenes: int) -> list[Row]:
    """The networks against bicubic and Lanczos, on held-out photographs. Raises MissingPhotographs."""
    from workers.training.sr.photographs import FETCHED
    from workers.training.sr.quality import built_in_rows

    return built_in_rows(FETCHED)


def gate(_scenes: int) -> list[Row]:
    """What the gate lets pass of the networks' results, as they are and spoilt. Raises MissingPhotographs."""
    from workers.enhance.likeness import BUILTIN_AT_LEAST, builtin_likeness
    from workers.training.sr.gate_quality import rows
    from workers.training.sr.photographs import FETCHED
    from workers.training.sr.quality import built_in_networks, held_out_sets

    photographs = {name: picture for found in held_out_sets(FETCHED).values() for name, picture in found.items()}
    return rows(built_in_networks(), photographs, builtin_likeness(BUILTIN_AT_LEAST, threads=None))


def clip(scenes: int) -> list[Row]:
    """Retrieval, tags, classes and flags of the CLIP."""
    from workers.training.clip.quality import builtin_rows

    return builtin_rows(scenes)


def flags(_scenes: int) -> list[Row]:
    """What is flagged on pictures without a defect, and on strongly compressed ones. Raises MissingPhotographs."""
    from workers.clip.builtin import VOCABULARY, builtin_towers
    from workers.clip.vocabulary import read_vocabulary
    from workers.training.clip.clean import held_out_photographs, judge_of, rows

    return rows(judge_of(builtin_towers(threads=None), read_vocabulary(VOCABULARY)), held_out_photographs())


def text(_scenes: int) -> list[Row]:
    """The 8-bit sentence model against the one it was made from."""
    from workers.text.builtin import load_builtin
    from workers.text.folder import packaged_minilm, weight_files
    from workers.text.sentences import SentenceModel
    from workers.training.text.quality import rows

    source = packaged_minilm()
    original = SentenceModel("all-MiniLM-L6-v2", source, weight_files(source), device="cpu", threads=None)
    return rows(load_builtin(threads=None), original)


def score(_scenes: int) -> list[Row]:
    """Whether descriptions find their category, by the built-in sentence model."""
    from workers.text.builtin import load_builtin
    from workers.training.score.quality import read_judged, rows

    return rows(load_builtin(threads=None), read_judged())


def template(scenes: int) -> list[Row]:
    """The describer without a language model."""
    from workers.training.vlm.template_quality import rows
    from workers.vlm.model import ModelOptions, load_template

    return rows(load_template(ModelOptions()), scenes)


def vision_language(scenes: int) -> list[Row]:
    """The vision-language model that comes with JustLens, and each way of asking it, over a third of the ``scenes``.
    Raises ValueError when its files are not those that were released."""
    from workers.training.vlm import quality, strategies_quality
    from workers.vlm.builtin import builtin_folder
    from workers.vlm.engine import VlmEngine

    engine = VlmEngine.load(builtin_folder())
    return [*quality.rows(engine, scenes), *strategies_quality.rows(engine, scenes // 3)]
