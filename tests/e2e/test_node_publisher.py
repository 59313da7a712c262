"""A publisher in another language, with another AMQP library, and no word of ours: its picture comes out enhanced."""

import io
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from orchestrator.stores.mongo import MongoDocuments
from tests.conftest import require
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.outside import Source
from tests.kit.process import free_port
from tests.kit.worker import enhance_worker

HERE = Path(__file__).parent
PUBLISHER = HERE.parent / "publisher_node"
PICTURE = HERE / "pictures" / "shop-front.jpg"


def node_missing() -> str | None:
    if shutil.which("node") is None:
        return "Node.js is missing: apt-get install nodejs npm"
    if not (PUBLISHER / "node_modules" / "amqplib").is_dir():
        return "amqplib is missing: npm ci --prefix tests/publisher_node"
    return None
