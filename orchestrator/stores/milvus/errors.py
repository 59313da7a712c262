"""Whose fault an error of the driver is: ours (Unavailable) or the value's (JobRefused)."""

import grpc
from pymilvus.exceptions import DataNotMatchException, DataTypeNotMatchException, MilvusException, ParamError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.stores.values import refused

FOREIGN = (MilvusException, grpc.RpcError, OSError)
"""What a call of the driver raises, apart from our own mistakes."""

COLLECTION_NOT_FOUND = 100

_MAX_TEXT = 300

# Numbers of https://github.com/milvus-io/milvus/blob/master/pkg/util/merr/errors.go
_REFUSING = frozenset(
    {
        1100,  # ParameterInvalid
        1101,  # ParameterMissing
        1102,  # ParameterTooLarge
    }
)


def translate(error: Exception) -> JobRefused | Unavailable:
    """Our error for one of FOREIGN. Only what the driver or the server says of the value itself is the job's."""
    text = _said(error)[:_MAX_TEXT] or type(error).__name__
    match error:
        case DataNotMatchException() | DataTypeNotMatchException() | ParamError():
            return refused(text)
        case MilvusException() if error.code in _REFUSING:
            return refused(text)
        case _:
            return Unavailable("milvus", text)


def _said(error: Exception) -> str:
    match error:
        case MilvusException():
            return str(error.message)
        case grpc.aio.AioRpcError():
            return f"{error.code().name}: {error.details()}"
        case _:
            return str(error)
