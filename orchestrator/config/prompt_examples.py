"""Labelled examples for prompts, from a file of one's own or the one that comes with the package."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from orchestrator.config.pipeline import explain_validation
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.ids import document_id, normalise_id
from orchestrator.domain.prompts.examples import Example

SHIPPED = Path(__file__).parent / "prompt_examples.yaml"
MAX_EXAMPLES = 10_000
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Id = Annotated[str, BeforeValidator(normalise_id)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tags: tuple[Text, ...] = Field(min_length=1, max_length=32)
    category: Text
    cat_match: Literal[0, 1]
    reason: Text
    business_id: Id | None = None
    image_id: Id | None = None

    @model_validator(mode="after")
    def _both_ids_or_none(self) -> "_Entry":
        if (self.business_id is None) != (self.image_id is None):
            raise ValueError("business_id and image_id name a picture together; give both or neither")
        return self

    def example(self) -> Example:
        whose = document_id(self.business_id, self.image_id) if self.business_id and self.image_id else None
        return Example(self.tags, self.category, self.cat_match, self.reason, whose)


_ENTRIES = TypeAdapter(Annotated[list[_Entry], Field(max_length=MAX_EXAMPLES)])


def load_prompt_examples(path: Path | None) -> tuple[Example, ...]:
    """The examples in ``path``, or those of the package. Raises ConfigurationError listing every mistake."""
    file = SHIPPED if path is None else path
    try:
        entries = _ENTRIES.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _refused(file, f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _refused(file, "is not a text in UTF-8") from error
    except yaml.YAMLError as error:
        raise _refused(file, f"not YAML: {error}") from error
    except ValidationError as error:
        raise _refused(file, *explain_validation(error)) from error
    return tuple(entry.example() for entry in entries)


def _refused(file: Path, *problems: str) -> ConfigurationError:
    remedy = "correct it, or unset JUSTLENS_PROMPT_EXAMPLES_FILE for the examples of the package"
    return ConfigurationError([f"JUSTLENS_PROMPT_EXAMPLES_FILE: {file}: {problem}; {remedy}" for problem in problems])
