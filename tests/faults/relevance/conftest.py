"""What the relevance road runs on: the servers of the enhancement road, MariaDB and Milvus."""

from dataclasses import replace

import pytest

from tests.kit.blueprint import Servers
from tests.kit.mariadb import MariaDB
from tests.kit.milvus import Milvus


@pytest.fixture
def all_servers(servers: Servers, mariadb: MariaDB, sql_database: str, milvus: Milvus, milvus_url: str) -> Servers:
    """The run's real servers, with databases of the test's own."""
    database = milvus_url.rpartition("/")[2]
    return replace(servers, mariadb=mariadb, sql_database=sql_database, milvus=milvus, milvus_database=database)
