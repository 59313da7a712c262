"""What a vision-language model may answer, one class per prompt profile.

A class is the one source of three things: the JSON Schema that decoding is constrained to, the list of fields in the
prompt, and the check of the answer. Fields come in the order in which the model writes them: it describes before it
judges, so that a judgement follows from what it saw.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_DESCRIPTION_CHARS = 1200
MAX_ALT_TEXT_CHARS = 160
MAX_TAG_CHARS = 40
MIN_TAGS, MAX_TAGS = 2, 8
MAX_EVIDENCE = 8


def _whole_number(value: Any) -> Any:
    """Literal compares by equality, which would let ``true`` and ``1.0`` pass for 1."""
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


Line = Annotated[str, Field(min_length=1, max_length=MAX_TAG_CHARS)]
Bit = Annotated[Literal[0, 1], BeforeValidator(_whole_number)]
CAT_MATCH = Field(description="1 if the picture shows what the category below is about, else 0.")


class DescriptionAnswer(BaseModel):
    """The description alone."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    description: str = Field(
        min_length=1,
        max_length=MAX_DESCRIPTION_CHARS,
        description="What the picture shows, as if explaining it to a visually impaired person; about 80 words.",
    )


class CatAnswer(DescriptionAnswer):
    """The description, then whether the picture fits a category."""

    cat_match: Bit = CAT_MATCH


class VisionAnswer(DescriptionAnswer):
    """What search and pages need of a picture."""

    alt_text: str = Field(
        min_length=1, max_length=MAX_ALT_TEXT_CHARS, description="One short sentence for search engines."
    )
    tags: list[Line] = Field(
        min_length=MIN_TAGS, max_length=MAX_TAGS, description="2 to 8 short keywords, most telling first."
    )


class VisionCatAnswer(VisionAnswer):
    """The same, then whether the picture fits a category."""

    cat_match: Bit = CAT_MATCH


class VisionEvidenceCatAnswer(VisionAnswer):
    """The same, but what speaks for and against the category is gathered before it is judged."""

    evidence_for: list[Line] = Field(
        max_length=MAX_EVIDENCE, description="What in the picture speaks for the category below; may be empty."
    )
    evidence_against: list[Line] = Field(
        max_length=MAX_EVIDENCE, description="What in the picture speaks against the category below; may be empty."
    )
    cat_match: Bit = CAT_MATCH


class FullDetailsAnswer(VisionAnswer):
    """The long form."""

    people: int = Field(ge=0, le=1000, description="How many people can be seen.")
    items: list[Line] = Field(max_length=20, description="The main things that can be seen; may be empty.")
    readable_text: str = Field(max_length=500, description="Text that can be read in the picture; empty if none.")
    blur: bool = Field(description="Whether the picture is blurred.")
    watermark: bool = Field(description="Whether it carries a watermark.")
    screenshot: bool = Field(description="Whether it is a screenshot.")
    nudity: float = Field(ge=0, le=1, description="0 for none at all to 1 for certainly explicit.")
    business_name_seen: bool = Field(description="Whether a business's name can be read in it.")


class FullDetailsCatAnswer(FullDetailsAnswer):
    """The long form, then whether the picture fits a category."""

    cat_match: Bit = CAT_MATCH
