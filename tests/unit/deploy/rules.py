"""What every compose service and every Dockerfile here has to keep to. Each rule answers with what is wrong."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.deploy.composing import Service

PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?")
_STAYS = ("always", "unless-stopped")


def service_problems(name: str, service: Service) -> Iterator[str]:
    """What is wrong with one service by itself."""
    image = service.get("image", "")
    if not PINNED.fullmatch(image):
        yield f"{name}: image '{image}' is not pinned to a version"
    if "minio" in image:
        yield f"{name}: MinIO is archived"
    if not service.get("profiles"):
        yield f"{name}: belongs to no profile"
    if service.get("restart") in _STAYS:
        yield from _process_problems(name, service)
    elif service.get("restart") != "no":
        yield f"{name}: says nothing about restarting"
    if not service.get("logging", {}).get("options", {}).get("max-size"):
        yield f"{name}: its log grows without end"
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    yield from (f"{name}: no limit of {resource}" for resource in ("cpus", "memory") if resource not in limits)
    if "no-new-privileges:true" not in service.get("security_opt", []) or service.get("privileged"):
        yield f"{name}: may gain privileges"
    if "build" in service and not (service.get("read_only") and service.get("cap_drop") == ["ALL"]):
        yield f"{name}: an image of ours runs read-only and without capabilities"


def _process_problems(name: str, service: Service) -> Iterator[str]:
    check = service.get("healthcheck", {})
    if not {"test", "interval", "timeout", "start_period", "retries"} <= check.keys():
        yield f"{name}: no complete health check"
    if not service.get("stop_grace_period"):
        yield f"{name}: Docker would kill it 10 s after SIGTERM"


def file_problems(compose: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between the services of merged files."""
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            yield from _dependency_problems(f"{name} -> {other}", services.get(other), how["condition"])
        for network in service.get("networks", []):
            if network not in compose["networks"]:
                yield f"{name}: no network {network}"
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if source[0] not in "./" and source not in compose["volumes"]:
                yield f"{name}: no volume {source}"
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", [])}
    yield from (f"volume {name} is never used" for name in compose["volumes"] if name not in used)


def _dependency_problems(what: str, other: Service | None, condition: str) -> Iterator[str]:
    if other is None:
        yield f"{what}: no such service"
    elif condition == "service_healthy" and "healthcheck" not in other:
        yield f"{what}: has no health check to wait for"
    elif condition == "service_completed_successfully" and other.get("restart") != "no":
        yield f"{what}: never completes"


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile with their arguments, lines joined, comments left out."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [
        (word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word
    ]


def dockerfile_problems(dockerfile: str) -> Iterator[str]:
    """What is wrong with a Dockerfile by itself."""
    found = instructions(dockerfile)
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    for word, rest in found:
        if word == "FROM" and not re.fullmatch(PINNED.pattern + r"( AS [a-z]+)?", rest):
            yield f"FROM {rest} is not pinned to a version"
        if word == "ADD":
            yield "ADD unpacks and downloads; COPY says what is meant"
        if word == "RUN" and re.search(r"\b(curl|wget)\b", rest):
            yield f"RUN downloads by hand: {rest}"
        if word in ("CMD", "ENTRYPOINT") and not rest.startswith("["):
            yield f"{word} runs a shell, which passes no signal on"
        if word in ("ENV", "ARG") and re.search(r"(PASSWORD|SECRET|TOKEN|KEY)\w*=\S", rest):
            yield f"{word} carries a secret"
    final = dict(found[last:])
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", final.get("USER", "")):
        yield "it runs as root, or as a user that Kubernetes cannot prove not to be root"
    for wanted in ("HEALTHCHECK", "STOPSIGNAL", "CMD"):
        if wanted not in final:
            yield f"no {wanted}"


def allowed(ignore: str, path: str) -> bool:
    """Whether a .dockerignore of the form "everything but" lets ``path``, or all that is below it, into the build."""
    rules = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    return rules[0] == "*" and any(
        path == rule[1:] or path.startswith(rule[1:] + "/") for rule in rules if rule[0] == "!"
    )
