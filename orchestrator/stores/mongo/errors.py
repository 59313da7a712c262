"""Whose fault an error of the driver is: ours (Unavailable) or the value's (JobRefused)."""

from typing import Any

from bson.errors import BSONError, InvalidBSON
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError, WriteError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.values import refused

FOREIGN = (PyMongoError, BSONError, OverflowError, UnicodeError, OSError)
"""What a call of the driver raises, apart from our own mistakes."""

_MAX_TEXT = 300

# Numbers of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_REFUSING = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        14,  # TypeMismatch
        15,  # Overflow: nested too deep
        52,  # DollarPrefixedFieldName
        57,  # DottedFieldName
        121,  # DocumentValidationFailure
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document would grow over 16 MiB
        17420,  # the same, by replacement
    }
)
_DUPLICATE_KEY = 11000


def lost_race(error: BulkWriteError) -> bool:
    """Whether nothing went wrong but that others were first to insert the same documents."""
    failed = _failed(error)
    return bool(failed) and all(one["code"] == _DUPLICATE_KEY for one in failed)


def translate(error: Exception) -> JobRefused | Unavailable:
    """Our error for one of FOREIGN. Only what the server or the encoder says of the value itself is the job's."""
    text = str(error)[:_MAX_TEXT] or type(error).__name__
    match error:
        case BulkWriteError() if any(one["code"] in _REFUSING for one in _failed(error)):
            return refused(text)
        case WriteError() | OperationFailure():
            return refused(text) if error.code in _REFUSING else Unavailable("mongodb", text)
        case PyMongoError() | OSError() | InvalidBSON():
            return Unavailable("mongodb", text)
        case _:
            return refused(text)


def _failed(error: BulkWriteError) -> list[dict[str, Any]]:
    """The writes of a bulk that failed, without those that only the number of acknowledging servers failed."""
    failed: list[dict[str, Any]] = error.details.get("writeErrors", [])
    return failed
