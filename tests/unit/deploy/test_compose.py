"""The compose files: valid, pinned, consistent with each other, with the settings, the command line and queues.yaml."""

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from compose_spec import PyCompose

from orchestrator import __version__
from orchestrator.cli import application
from orchestrator.config import Settings, load_settings
from tests.unit.deploy.composing import COMPOSE, FILES, ROOT, Missing, example, fill, filled, merged, read, variables
from tests.unit.deploy.rules import file_problems, service_problems

SETTINGS = {f"JUSTLENS_{name.upper()}" for name in Settings.model_fields}
WORKERS = ("enhance", "clip", "text", "vlm")


@pytest.fixture(scope="module")
def everything() -> Any:
    return merged(filled())


@pytest.fixture(scope="module")
def services(everything: Any) -> Any:
    return everything["services"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_keeps_to_the_compose_specification(name: str) -> None:
    PyCompose.from_yaml(yaml.safe_dump(fill(read(name), filled())))


@pytest.mark.parametrize("names", [FILES, FILES[:2], ("gpu.yaml",), ("triton.yaml",)])
def test_the_files_that_are_started_together_keep_to_it(names: tuple[str, ...]) -> None:
    compose = merged(filled(), names)
    found = PyCompose.from_yaml(yaml.safe_dump(compose))
    assert sorted(found.service_names()) == sorted(compose["services"])


def test_every_service_is_pinned_limited_watched_and_contained(services: Any) -> None:
    assert [problem for name, service in services.items() for problem in service_problems(name, service)] == []


def test_what_services_name_exists(everything: Any) -> None:
    everything = {"volumes": {}, **everything}
    assert list(file_problems(everything)) == []


@pytest.mark.parametrize("name", ["gpu.yaml", "triton.yaml"])
def test_a_gpu_host_needs_no_other_file(name: str) -> None:
    assert list(file_problems({"volumes": {}, **merged(filled(), [name])})) == []


def test_no_file_defines_a_service_twice() -> None:
    names = [service for name in FILES for service in read(name)["services"]]
    assert len(names) == len(set(names))


def test_every_mounted_file_is_there(services: Any) -> None:
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (COMPOSE / source).exists(), f"{name}: {source}"
        if "build" in service:
            context = (COMPOSE / service["build"]["context"]).resolve()
            assert context == ROOT
            assert (context / service["build"]["dockerfile"]).is_file()
            assert service["image"].endswith(f":{__version__}")


def test_every_setting_that_is_set_exists_and_is_accepted(services: Any) -> None:
    seen = set()
    for service in services.values():
        given = {key: value for key, value in service.get("environment", {}).items() if key.startswith("JUSTLENS_")}
        assert given.keys() <= SETTINGS
        values = {key: filled()[key] if value is None else value for key, value in given.items()}
        values = {key.removeprefix("JUSTLENS_").lower(): _decoded(key, value) for key, value in values.items()}
        load_settings(**values)
        seen |= given.keys()
    assert {"JUSTLENS_AMQP_URL", "JUSTLENS_SQL_URL", "JUSTLENS_MONGO_URL", "JUSTLENS_MILVUS_URL"} <= seen


def _decoded(key: str, value: str) -> Any:
    return json.loads(value) if value.startswith(("[", "{")) and key != "JUSTLENS_API_KEYS" else value


def test_the_orchestrator_asks_workers_and_triton_where_they_listen(services: Any) -> None:
    environment = services["orchestrator"]["environment"]
    queues = yaml.safe_load((ROOT / "queues.yaml").read_text())
    for pool, urls in json.loads(environment["JUSTLENS_ENDPOINTS"]).items():
        (url,) = map(urlsplit, urls)
        assert url.hostname == pool
        assert url.port == urlsplit(queues["workers"][pool]["endpoints"][0]).port
        command = services[pool]["command"]
        assert command[0] == pool
        assert command[command.index("--port") + 1] == str(url.port)
        assert f"127.0.0.1:{url.port}/readyz" in services[pool]["healthcheck"]["test"][-1]
        assert set(services[pool]["networks"]) <= set(services["orchestrator"]["networks"])
    assert set(queues["workers"]) == set(WORKERS) == set(json.loads(environment["JUSTLENS_ENDPOINTS"]))
    assert example()["JUSTLENS_TRITON_URL"] == "triton:8001"
    assert services["triton"]["networks"] == ["workers"]


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_understands_its_command(services: Any, name: str) -> None:
    worker, separator, *options = services[name]["command"]
    parser = importlib.import_module(f"workers.{worker}.command")._parser()
    assert (separator, parser.parse_args(options).host) == ("--", "0.0.0.0")
    assert "dummy" not in options


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_gets_the_card_that_it_asks_for(services: Any, name: str) -> None:
    (device,) = services[name]["deploy"]["resources"]["reservations"]["devices"]
    given = filled()[f"{name.upper()}_GPU"]
    assert (device["driver"], device["device_ids"], device["capabilities"]) == ("nvidia", [given], ["gpu"])
    command = services[name]["command"]
    assert command[command.index("--device") + 1] == "cuda"


def test_our_commands_exist(services: Any) -> None:
    known: Any = typer.main.get_command(application())
    for line in _command_lines(services):
        command = known
        for word in line:
            assert word in command.commands, line
            command = command.commands[word]
    assert ["topology", "apply"] in list(_command_lines(services))


def _command_lines(services: Any) -> Iterator[list[str]]:
    for service in services.values():
        if service["image"].startswith("justlens-orchestrator:"):
            script = " ".join(service.get("entrypoint", []))
            yield from (found.split() for found in re.findall(r"justlens ([a-z ]+[a-z])", script))
            if "entrypoint" not in service:
                yield service["command"]


def test_draining_ends_before_the_container_is_killed(services: Any) -> None:
    drain_s = float(services["orchestrator"]["environment"]["JUSTLENS_DRAIN_S"])
    for name in ("orchestrator", *WORKERS):
        grace_s = float(services[name]["stop_grace_period"].removesuffix("s"))
        assert grace_s >= drain_s + 3 * Settings().publish_timeout_s


def test_a_process_gets_the_password_of_its_own_user_only(services: Any) -> None:
    def users(name: str) -> set[str]:
        urls = [value for key, value in services[name]["environment"].items() if key.endswith("_URL") and value]
        return {user for url in urls if (user := urlsplit(url).username)}

    assert users("orchestrator") == {"justlens-orchestrator", "justlens", "justlens_app"}
    assert users("api") == {"justlens-publisher", "justlens", "justlens_app"}
    assert users("topology") == {"justlens-operator"}
    assert users("migrate") == {"justlens_owner"}
    for name in (*WORKERS, "triton"):
        assert not any(
            key.startswith(("JUSTLENS_", "MYSQL_", "MONGO_")) for key in services[name].get("environment", {})
        )
        assert services[name]["networks"] == ["workers"]


def test_stores_and_workers_are_reached_from_nowhere_else(everything: Any) -> None:
    internal = {name for name, network in everything["networks"].items() if (network or {}).get("internal")}
    assert internal == {"stores", "workers"}
    assert [name for name, service in everything["services"].items() if "ports" in service] == ["api"]
    assert everything["services"]["api"]["ports"] == ["127.0.0.1:8080:8080"]


def test_a_missing_value_is_refused_by_name() -> None:
    required = {name for file in FILES for name, kind in variables(read(file)) if kind == "?"}
    assert required == {name for name, value in example().items() if not value} - {"JUSTLENS_CDN_TOKEN"}
    for name in required:
        with pytest.raises(Missing, match=f"^{name}$"):
            merged({**filled(), name: ""})


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    asked = {name for file in FILES for name, _ in variables(read(file))}
    given = example()
    assert asked == given.keys() - {"COMPOSE_PROFILES"}
    assert {
        name: value for name, value in given.items() if re.search("PASSWORD|SECRET|TOKEN|KEY", name) and value
    } == {}


def test_the_example_starts_profiles_that_exist(services: Any) -> None:
    known = {profile for service in services.values() for profile in service["profiles"]}
    assert known == {"stores", "cpu", "gpu", "triton", "s3", "vlm"}
    assert set(example()["COMPOSE_PROFILES"].split(",")) <= known
