"""S3Objects: conditional puts, so that an object never changes once it is there."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self, TypeVar
from urllib.parse import quote, unquote

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError
from urllib3.exceptions import ProtocolError

from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.outcome import PutObject
from orchestrator.domain.pictures import Picture
from orchestrator.stores.ports import StoredObject
from orchestrator.stores.s3.errors import FOREIGN, error_status, translate, translate_read, translate_source
from orchestrator.stores.s3.probe import NOT_IMPLEMENTED, probe_writes
from orchestrator.stores.values import check_key, check_object

T = TypeVar("T")

_CONFLICT_TRIES = 4
_CONFLICT_WAIT_S = 0.05
_PLAIN = "!\"#$&'()*+,-./:;<=>?@[]^_`{|}~"


class S3Objects:
    """The Objects of a deployment. Raises Unavailable when nothing moves for ``timeout_s``."""

    def __init__(self, client: Any, bucket: str, *, max_in_flight: int) -> None:
        self._client = client
        self._bucket = bucket
        self._executor = ThreadPoolExecutor(max_in_flight, thread_name_prefix="s3")
        self._closed = False
        self._conditional = True

    @classmethod
    async def open(
        cls,
        bucket: str,
        *,
        region: str,
        timeout_s: float,
        endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        max_in_flight: int = 16,
    ) -> Self:
        """Make the client; nothing is asked of the server. Without an endpoint it is AWS.

        ``max_in_flight`` calls run at once, each in a thread of its own. The SDK repeats nothing by itself: whoever
        waits for the store decides about that.
        """
        config = Config(
            connect_timeout=timeout_s,
            read_timeout=timeout_s,
            max_pool_connections=max_in_flight,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Many stores refuse the checksum headers and trailers that the SDK adds unless told otherwise.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        make = partial(
            boto3.session.Session().client,
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )
        return cls(await asyncio.to_thread(make), bucket, max_in_flight=max_in_flight)

    async def put(self, write: PutObject) -> bool:
        """See Objects."""
        check_object(write)
        return await self._run(partial(self._put, write))

    async def get(self, key: str) -> StoredObject | None:
        """See Objects."""
        check_key(key)
        return await self._run(partial(self._get, key), partial(translate_read, bucket=self._bucket, key=key))

    async def read_from(self, bucket: str, key: str, max_bytes: int) -> Picture | None:
        """An object of any bucket the credentials reach; None when there is none.

        Raises JobRefused (``too_large``) before a body over ``max_bytes`` is read, JobFailed (``source_refused``,
        ``truncated``) for what concerns this object or bucket only, and Unavailable.
        """
        translate_error = partial(translate_source, bucket=bucket, key=key)
        return await self._run(partial(self._read_from, bucket, key, max_bytes), translate_error)

    async def exists(self, key: str) -> bool:
        """See Objects."""
        check_key(key)
        return await self._run(partial(self._exists, key))

    async def ping(self) -> None:
        """See Objects."""
        await self._run(partial(self._client.head_bucket, Bucket=self._bucket))

    async def close(self) -> None:
        """See Objects. Returns when the calls in flight have ended."""
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)
        self._client.close()

    async def find_shortcomings(self) -> list[str]:
        """Write, read and remove a small object; what the store lacks, each with what follows from it.

        Raises Unavailable or JobRefused when it does not write or read at all.
        """
        return await self._run(partial(probe_writes, self._client, self._bucket))

    async def _run(
        self, function: Callable[[], T], translate_error: Callable[[Exception], Exception] | None = None
    ) -> T:
        if self._closed:
            raise Unavailable("s3", "is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        except FOREIGN as error:
            translated = translate_error(error) if translate_error else translate(error, self._bucket)
            raise translated from error

    def _put(self, write: PutObject) -> bool:
        put = partial(
            self._client.put_object,
            Bucket=self._bucket,
            Key=write.key,
            Body=write.body,
            ContentType=write.content_type,
            Metadata={name: quote(value, safe=_PLAIN) for name, value in write.metadata.items()},
        )
        if not self._conditional:
            return self._put_if_missing(write.key, put)
        for conflicts in range(_CONFLICT_TRIES):
            try:
                put(IfNoneMatch="*")
            except ClientError as error:
                status = error_status(error)
                if status == 412:
                    return False
                if status == NOT_IMPLEMENTED:
                    self._conditional = False
                    return self._put_if_missing(write.key, put)
                if status != 409:
                    raise
                time.sleep(_CONFLICT_WAIT_S * 2**conflicts)
            else:
                return True
        raise Unavailable("s3", f"{write.key} is being written by others")

    def _put_if_missing(self, key: str, put: Callable[[], object]) -> bool:
        """Put without a condition, for stores that know none. Two writers at once write the same bytes: a key names
        the content and what was made of it."""
        if self._exists(key):
            return False
        put()
        return True

    def _get(self, key: str) -> StoredObject | None:
        try:
            found = self._client.get_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        with found["Body"] as body:
            metadata = {name: unquote(value) for name, value in found["Metadata"].items()}
            return StoredObject(body.read(), found["ContentType"], metadata)

    def _read_from(self, bucket: str, key: str, max_bytes: int) -> Picture | None:
        try:
            found = self._client.get_object(Bucket=bucket, Key=key)
        except self._client.exceptions.NoSuchKey:
            return None
        with found["Body"] as body:
            if found["ContentLength"] > max_bytes:
                raise JobRefused("too_large", f"the object has {found['ContentLength']} bytes, over {max_bytes}")
            try:
                return Picture(body.read(), found.get("ContentType", ""), found.get("ContentEncoding", ""))
            except (IncompleteReadError, ProtocolError, ResponseStreamingError) as error:
                raise JobFailed("truncated", f"bucket {bucket}, key {key}: the body ended early: {error}") from error

    def _exists(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_status(error) == 404:
                return False
            raise
        return True
