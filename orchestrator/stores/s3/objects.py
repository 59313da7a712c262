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
from botocore.exceptions import ClientError

from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.outcome import PutObject
from orchestrator.domain.pictures import Picture
from orchestrator.stores.ports import StoredObject
from orchestrator.stores.s3.errors import FOREIGN, translate
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
        return await self._run(partial(self._get, key))

    async def read_from(self, bucket: str, key: str, max_bytes: int) -> Picture | None:
        """An object of any bucket the credentials reach; None when there is none.

        Raises JobRefused (``too_large``) before a body over ``max_bytes`` is read, and Unavailable.
        """
        return await self._run(partial(self._read_from, bucket, key, max_bytes))

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

    async def _run(self, function: Callable[[], T]) -> T:
        if self._closed:
            raise Unavailable("s3", "is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, function)
        except FOREIGN as error:
            raise translate(error, self._bucket) from error

    def _put(self, write: PutObject) -> bool:
        for conflicts in range(_CONFLICT_TRIES):
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=write.key,
                    Body=write.body,
                    ContentType=write.content_type,
                    Metadata={name: quote(value, safe=_PLAIN) for name, value in write.metadata.items()},
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if _status(error) == 412:
                    return False
                if _status(error) != 409:
                    raise
                time.sleep(_CONFLICT_WAIT_S * 2**conflicts)
            else:
                return True
        raise Unavailable("s3", f"{write.key} is being written by others")

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
            return Picture(body.read(), found.get("ContentType", ""))

    def _exists(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) == 404:
                return False
            raise
        return True


def _status(error: ClientError) -> int:
    """The HTTP status of the reply."""
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
