"""A catalogue as it is handed in: rows for businesses, their categories and their images, checked field by field."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from orchestrator.domain.bodies import why_no_object, why_unreadable
from orchestrator.domain.catalogue.model import CatalogueImage, Category
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import Id, Url
from orchestrator.domain.value import REMEDIES, Flag, Number, Value, json_types

MAX_CATEGORIES = 10_000
MAX_IMAGES = 2_000
_MAX_PROBLEMS = 8

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]


class CategoryFields(Value):
    """A category of a business."""

    category_id: Id
    name: Text = Field(description="What the category is called, e.g. Bicycle Repair.")
    is_hot: Flag = Field(default=False, description="Whether the business is known for it.")


class ImageFields(Value):
    """An image of a business as its catalogue describes it."""

    image_id: Id
    image_url: Url
    served_urls: tuple[Url, ...] = Field(default=(), max_length=32)
    contract: Text | None = Field(default=None, description="The terms the image is shown under.")
    valid: Flag = Field(default=True, description="False takes the image out of every answer.")
    image_class: Text | None = Field(default=None, description="Comes before the class that a model finds.")
    quality: Number | None = Field(default=None, ge=0, le=1, description="Comes before the quality a model finds.")


class BusinessRow(Value):
    """A business. ``categories``, when they are named, replace all that it had; images are added or replaced."""

    business_id: Id
    categories: tuple[CategoryFields, ...] | None = Field(default=None, max_length=MAX_CATEGORIES)
    images: tuple[ImageFields, ...] = Field(default=(), max_length=MAX_IMAGES)


class CategoryRow(CategoryFields):
    """One category more, or anew, of a business."""

    business_id: Id


class ImageRow(ImageFields):
    """One image more, or anew, of a business."""

    business_id: Id


FIELDS = {**json_types(BusinessRow), **json_types(CategoryRow), **json_types(ImageRow)}
"""What a row can have, and its JSON type."""


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """What one row asks for. With ``replaces`` the categories are all that the business has from now on."""

    business_id: str
    categories: tuple[Category, ...] = ()
    replaces: bool = False
    images: tuple[CatalogueImage, ...] = ()


def read_row(body: bytes) -> CatalogueRow:
    """The row that ``body`` (a JSON object) is: an image if it names an image_id, a category if it names a
    category_id, else a business. Raises JobRefused (``invalid_row``) with every mistake, each with its field."""
    try:
        fields = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise JobRefused("invalid_row", why_unreadable(body, str(error))) from error
    if not isinstance(fields, dict):
        what = why_no_object(fields)
        raise JobRefused("invalid_row", f"must be a JSON object with at least business_id; {what}")
    try:
        return _row(fields)
    except ValidationError as error:
        raise JobRefused("invalid_row", _explained(error)) from error


def _row(fields: dict[str, Any]) -> CatalogueRow:
    if "image_id" in fields:
        image = ImageRow.model_validate(fields)
        return CatalogueRow(image.business_id, images=(_image(image.business_id, image),))
    if "category_id" in fields:
        category = CategoryRow.model_validate(fields)
        return CatalogueRow(category.business_id, categories=(_category(category),))
    business = BusinessRow.model_validate(fields)
    return CatalogueRow(
        business.business_id,
        tuple(_category(one) for one in business.categories or ()),
        business.categories is not None,
        tuple(_image(business.business_id, one) for one in business.images),
    )


def _category(fields: CategoryFields) -> Category:
    return Category(fields.category_id, fields.name, fields.is_hot)


def _image(business_id: str, fields: ImageFields) -> CatalogueImage:
    return CatalogueImage(
        business_id=business_id,
        image_id=fields.image_id,
        image_url=fields.image_url,
        served_urls=fields.served_urls,
        contract=fields.contract,
        valid=fields.valid,
        image_class=fields.image_class,
        quality=fields.quality,
    )


def _explained(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    lines = []
    for problem in problems[:_MAX_PROBLEMS]:
        field = ".".join(str(part) for part in problem["loc"])[:100]
        what = {**REMEDIES, "extra_forbidden": "is not a field here; remove it or correct it"}
        lines.append(f"{field}: {what.get(problem['type'], problem['msg'].removeprefix('Value error, '))}")
    more = len(problems) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more else "")
