"""An S3 server of its own: moto over real HTTP. It keeps everything in memory: what it held is gone when it ends."""

import importlib.util
import sys
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.kit.ports import free_port
from tests.kit.process import Server

ACCESS_KEY = "test"
SECRET_KEY = "test-secret"
REGION = "us-east-1"


class S3Server(Server):
    """moto_server on a free port. For an outage use ``freeze``/``thaw`` or a fault proxy: a restart loses all data."""

    name = "s3"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        needed = ("moto", "flask", "flask_cors")
        if all(importlib.util.find_spec(name) for name in needed):
            return None
        return "moto's server is not installed: pip install -e '.[dev]'"

    @property
    def endpoint(self) -> str:
        """The endpoint URL."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def answers(self) -> bool:
        try:
            # Not data.json, which lists everything moto holds, and takes seconds when that is much.
            with urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def client(self) -> Any:
        """A blocking boto3 client with the test's credentials; close it."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def make_bucket(self, name: str | None = None) -> str:
        """Create a bucket, under a fresh name unless one is given; its name."""
        bucket = name or f"t-{uuid.uuid4().hex[:12]}"
        client = self.client()
        try:
            client.create_bucket(Bucket=bucket)
        finally:
            client.close()
        return bucket

    def drop_bucket(self, name: str) -> None:
        """Remove a bucket and what is in it; one that a restart has taken is no error."""
        client = self.client()
        try:
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
                if keys := [{"Key": found["Key"]} for found in page.get("Contents", ())]:
                    client.delete_objects(Bucket=name, Delete={"Objects": keys, "Quiet": True})
            client.delete_bucket(Bucket=name)
        except client.exceptions.NoSuchBucket:
            return
        finally:
            client.close()
