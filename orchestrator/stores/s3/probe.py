"""Whether a store does what S3 does, found out with one small object under a key of its own."""

from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from orchestrator.domain.errors import Unavailable
from orchestrator.stores.s3.errors import error_status

NOT_IMPLEMENTED = 501
_KEY = "probes/doctor"
_BODY = b"Written by `justlens doctor`; it may be removed."


def probe_writes(client: Any, bucket: str) -> list[str]:
    """Write, read and remove an object; sentences on what the store lacks. Blocks, and raises what the SDK raises.

    The object stays when the credentials may not remove it: nothing else needs that right.
    """
    put = partial(client.put_object, Bucket=bucket, Key=_KEY, Body=_BODY, ContentType="text/plain")
    put()
    try:
        read = client.get_object(Bucket=bucket, Key=_KEY)
        with read["Body"] as body:
            if body.read() != _BODY:
                raise Unavailable("s3", f"bucket {bucket}: what was written to {_KEY} is not what is read there")
        lacking = _conditions(put)
    finally:
        _remove(client, bucket)
    return lacking


def _conditions(put: Any) -> list[str]:
    try:
        put(IfNoneMatch="*")
    except ClientError as error:
        if error_status(error) == 412:
            return []
        if error_status(error) == NOT_IMPLEMENTED:
            return ["it knows no conditional writes (If-None-Match): JustLens asks for the key first, then writes"]
        raise
    return ["it ignores conditional writes (If-None-Match): an object may be written twice, with the same bytes"]


def _remove(client: Any, bucket: str) -> None:
    try:
        client.delete_object(Bucket=bucket, Key=_KEY)
    except ClientError as error:
        if error_status(error) != 403:
            raise
