"""doctor on real servers: everything in order, or named with its remedy."""

import json
import time
from typing import Any

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.mariadb import MariaDB
from tests.kit.ports import free_port
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.triton import Triton


def checks(cli: Cli, code: int, **changes: str) -> dict[str, dict[str, Any]]:
    """What doctor finds, by the name of the check; everything must end in good time."""
    began = time.monotonic()
    found = {check["name"]: check for check in cli.json("doctor", code=code, **changes)["checks"]}
    assert time.monotonic() - began < 45
    return found


def test_doctor_finds_everything_in_order(cli: Cli, workers: dict[str, str]) -> None:
    cli.json("topology", "apply")

    found = checks(cli, code=0, cdn_purge_url=workers["enhance"])

    # Only some releases of RabbitMQ tell their consumer_timeout over the network.
    timeout = found.pop("rabbitmq consumer_timeout")
    assert timeout["state"] == "ok" or "rabbitmqctl" in timeout["detail"]
    assert {check["state"] for check in found.values()} == {"ok"}
    wanted = {"python", "queues file", "deadlines", "rabbitmq", "rabbitmq queues", "rabbitmq feature flag", "mongodb"}
    wanted |= {"mongodb writes", "s3", "s3 writes", "sql", "sql rights", "milvus", "cdn"}
    assert wanted | {f"worker {name} {url}" for name, url in workers.items()} == found.keys()
    assert "tables at 0001" in found["sql"]["detail"]


def test_doctor_names_everything_that_is_away_with_its_remedy(cli: Cli) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    found = checks(
        cli,
        code=ExitCode.UNAVAILABLE,
        amqp_url=f"amqp://guest:canary@{nowhere}/",
        management_url=f"http://guest:canary@{nowhere}",
        mongo_url=f"mongodb://u:canary@{nowhere}/",
        s3_endpoint=f"http://{nowhere}",
        sql_url=f"mysql+aiomysql://u:canary@{nowhere}/justlens",
        milvus_url=f"http://u:canary@{nowhere}",
        triton_url=nowhere,
        endpoints=json.dumps({pool: [f"http://{nowhere}"] for pool in ("enhance", "clip", "text")}),
        cdn_purge_url=f"http://{nowhere}/purge?token=canary",
        store_timeout_s="1",
    )

    failing = {name for name, check in found.items() if check["state"] == "failing"}
    assert failing == found.keys() - {"python", "queues file", "deadlines"}
    assert all(found[name]["remedy"] and found[name]["detail"] for name in failing)
    assert "JUSTLENS_AMQP_URL" in found["rabbitmq"]["remedy"] and "JUSTLENS_MONGO_URL" in found["mongodb"]["remedy"]
    for name, setting in (("sql", "SQL_URL"), ("milvus", "MILVUS_URL"), ("triton", "TRITON_URL")):
        assert f"JUSTLENS_{setting}" in found[name]["remedy"]
    assert "canary" not in json.dumps(found)
    assert not any(name.startswith("worker vlm") for name in found)  # Triton is asked instead


def test_doctor_sees_one_dependency_fail_and_the_others_well(cli: Cli, rabbitmq: RabbitMQ, vhost_name: str) -> None:
    rabbitmq.api("PUT", "/api/users/reader", {"password": "reader", "tags": "administrator"})
    rabbitmq.api("PUT", f"/api/permissions/{vhost_name}/reader", {"configure": ".*", "write": "^$", "read": ".*"})
    reader = f"amqp://reader:reader@127.0.0.1:{rabbitmq.port}/{vhost_name}"

    found = checks(cli, code=ExitCode.UNAVAILABLE, amqp_url=reader, s3_bucket="nobody-made-this", ack_timeout_s="100")

    failing = {name for name, check in found.items() if check["state"] == "failing"}
    # The queues were never created, and the deadline of 120 s is too long: the file as a whole cannot be used then.
    assert {"rabbitmq", "deadlines", "queues file"} <= failing
    assert "ACCESS_REFUSED" in found["rabbitmq"]["detail"]

    found = checks(cli, code=ExitCode.UNAVAILABLE, s3_bucket="nobody-made-this")
    failing = {name for name, check in found.items() if check["state"] == "failing"}
    assert failing == {"s3", "s3 writes", "rabbitmq queues"}
    assert "topology apply" in found["rabbitmq queues"]["remedy"]


def test_doctor_sees_missing_tables_and_a_missing_right(cli: Cli, mariadb: MariaDB, sql_database: str) -> None:
    mariadb.query(f"REVOKE UPDATE ON {sql_database}.alttags FROM {sql_database}_app")
    rights = checks(cli, code=ExitCode.UNAVAILABLE)
    assert rights["sql"]["state"] == "ok"
    assert rights["sql rights"]["state"] == "failing" and "UPDATE command denied" in rights["sql rights"]["detail"]
    assert "UPDATE" in rights["sql rights"]["remedy"]

    empty = mariadb.make_database()
    try:
        tables = checks(cli, code=ExitCode.UNAVAILABLE, sql_url=mariadb.url(empty))
    finally:
        mariadb.drop_database(empty)
    assert "the tables are at no migration" in tables["sql"]["detail"] and "alembic" in tables["sql"]["remedy"]


def test_doctor_says_which_models_triton_has_ready(cli: Cli, triton: Triton) -> None:
    found = checks(cli, code=ExitCode.UNAVAILABLE, triton_url=triton.url)

    assert found["triton"]["state"] == "ok"
    assert "Llama-3.2-11B-Vision-Instruct, llava-1.5-7b-hf" in found["triton"]["detail"]
    assert cli("topology", "apply").returncode == 0
    models = [row for row in cli.json("status", triton_url=triton.url)["workers"] if row["pool"] == "vlm"]
    assert [(row["model"], row["state"]) for row in models] == [
        ("Llama-3.2-11B-Vision-Instruct", "ready"),
        ("llava-1.5-7b-hf", "ready"),
    ]
