"""What is refused before any database sees it, so that every database takes the same values."""

import re

from orchestrator.domain.catalogue.model import AltText, Category
from orchestrator.domain.outcome import SetAltText
from orchestrator.stores.sql.tables import ALT_TEXT_LENGTH, ID_LENGTH, MODEL_LENGTH, NAME_LENGTH, VERSION_LENGTH
from orchestrator.stores.values import refused

# MySQL pads what it compares with spaces: two ids that differ in spaces at the end would be one, and a version with
# characters below the space would not be ordered by its bytes.
_UNFIT_FOR_IDS = re.compile(r"^\s|\s$|[\x00-\x1f\x7f-\x9f]")
_VERSION = re.compile(r"[!-~]+")


def check_id(value: str, where: str) -> None:
    """Raises JobRefused for an id that is empty, too long, framed by white space, or holds control characters."""
    check_text(value, where, ID_LENGTH)
    if not value or _UNFIT_FOR_IDS.search(value):
        raise refused(f"{where}: must not be empty, begin or end with white space, or hold control characters")


def check_version(value: str) -> None:
    """Raises JobRefused for a version that is not plain ASCII without spaces."""
    check_text(value, "version", VERSION_LENGTH)
    if not _VERSION.fullmatch(value):
        raise refused(f"version {value!r}: only visible ASCII characters, at least one")


def check_text(value: object, where: str, longest: int) -> None:
    """Raises JobRefused for what is no text, no Unicode, or longer than ``longest`` characters."""
    if not isinstance(value, str):
        raise refused(f"{where}: must be text, not {type(value).__name__}")
    if len(value) > longest:
        raise refused(f"{where}: has {len(value)} characters, at most {longest} fit")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refused(f"{where}: text holds half of a surrogate pair at character {error.start}") from error


def check_category(business_id: str, category: Category) -> None:
    """Raises JobRefused for a category that cannot be stored."""
    check_id(business_id, "business_id")
    check_id(category.category_id, "category_id")
    check_text(category.name, f"name of category {category.category_id}", NAME_LENGTH)


def check_alt_text(write: SetAltText | AltText) -> None:
    """Raises JobRefused for an alt text that cannot be stored."""
    check_id(write.business_id, "business_id")
    check_id(write.image_id, "image_id")
    check_version(write.version)
    check_text(write.alt_text, "alt_text", ALT_TEXT_LENGTH)
    check_text(write.model, "model", MODEL_LENGTH)
    check_text(write.prompt_version, "prompt_version", VERSION_LENGTH)
