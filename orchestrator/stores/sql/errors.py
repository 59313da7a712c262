"""Whose fault an error of a driver is: ours (Unavailable) or the value's (JobRefused)."""

import sqlite3

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.values import refused

FOREIGN = (SQLAlchemyError, OverflowError, UnicodeError, OSError)
"""What a call raises, apart from our own mistakes."""

_MAX_TEXT = 300

# Numbers of https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and, for 4025,
# https://mariadb.com/kb/en/mariadb-error-code-reference/
_REFUSING = frozenset(
    {
        1048,  # ER_BAD_NULL_ERROR
        1153,  # ER_NET_PACKET_TOO_LARGE
        1264,  # ER_WARN_DATA_OUT_OF_RANGE
        1265,  # WARN_DATA_TRUNCATED
        1292,  # ER_TRUNCATED_WRONG_VALUE
        1300,  # ER_INVALID_CHARACTER_STRING
        1366,  # ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: also a character that is none
        1406,  # ER_DATA_TOO_LONG
        3819,  # ER_CHECK_CONSTRAINT_VIOLATED
        3988,  # ER_IMPOSSIBLE_STRING_CONVERSION
        4025,  # ER_CONSTRAINT_FAILED
    }
)
_DEADLOCK = 1213


def translate(error: Exception) -> JobRefused | Unavailable:
    """Our error for one of FOREIGN. Never says the statement or its values, which SQLAlchemy's own text does."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text = (str(cause) or type(cause).__name__)[:_MAX_TEXT]
    match cause:
        case sqlite3.IntegrityError() | sqlite3.DataError() | OverflowError() | UnicodeError():
            return refused(text)
        case _:
            return refused(text) if _code(cause) in _REFUSING else Unavailable("sql", text)


def lost_race(error: DBAPIError) -> bool:
    """Whether the server undid this transaction to let another one go on: it can be repeated at once."""
    return _code(error.orig) == _DEADLOCK


def _code(error: BaseException | None) -> int | None:
    first = error.args[0] if error is not None and error.args else None
    return first if isinstance(first, int) and not isinstance(error, OSError) else None
