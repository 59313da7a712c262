"""The check that the broker waits longer for an ack than a job may take."""

import asyncio
import os
import re
import shutil
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING

from orchestrator.cli.doctor.checks import Check, NotChecked, Wrong
from orchestrator.cli.topology import rabbit_broker
from orchestrator.config import Pipeline, Settings

if TYPE_CHECKING:
    from orchestrator.runtime.rabbitmq import RabbitBroker

_CTL_TIMEOUT_S = 7.5
_REGISTER_TIMEOUT_S = 1.0
_REGISTER_PORT = "4369"
_ASK = "{node(), application:get_env(rabbit, consumer_timeout, undefined)}."
_ANSWER = re.compile(r"\{'?([^',]+)'?,\s*(\w+)\}")
_EVERY_QUEUE = "every queue"


def consumer_timeout_check(settings: Settings, load: Callable[[], Pipeline]) -> Check:
    """The broker's consumer_timeout against JUSTLENS_ACK_TIMEOUT_S and every deadline of queues.yaml."""

    async def look() -> str:
        pipeline = load()
        if settings.management_url is None:
            raise NotChecked("JUSTLENS_MANAGEMENT_URL is not set")
        async with rabbit_broker(settings) as broker:
            timeouts = await broker.consumer_timeouts(pipeline) or await _ask_rabbitmqctl(broker)
        if problems := find_short_timeouts(timeouts, pipeline, settings):
            raise Wrong("; ".join(problems))
        shortest_s = min(timeouts.values())
        return f"{shortest_s:g} s" if shortest_s < inf else "no limit"

    return Check(
        "rabbitmq consumer_timeout",
        look,
        f"Set consumer_timeout in rabbitmq.conf (ms, on every node) to {settings.ack_timeout_s * 1000:.0f} or more, or"
        " lower deadline_s in queues.yaml and then JUSTLENS_ACK_TIMEOUT_S to the broker's value: a job that takes"
        " longer is taken away and done again, and in the end dead-lettered."
        " `rabbitmqctl environment` shows the value in force.",
    )


def find_short_timeouts(timeouts: Mapping[str, float], pipeline: Pipeline, settings: Settings) -> list[str]:
    """What takes longer than the broker waits. ``timeouts`` are seconds by queue; another name stands for all."""
    names = {name: settings.queue_prefix + name for name in pipeline.queues}
    elsewhere = [seconds for queue, seconds in timeouts.items() if queue not in names.values()]
    limits = {name: timeouts.get(queue, min(elsewhere, default=inf)) for name, queue in names.items()}
    problems = [
        f"queues.{name}.deadline_s ({spec.deadline_s:g} s) is longer than the broker's consumer_timeout"
        f" ({limits[name]:g} s)"
        for name, spec in pipeline.queues.items()
        if spec.deadline_s > limits[name]
    ]
    shortest_s = min(timeouts.values(), default=inf)
    if settings.ack_timeout_s > shortest_s:
        problems.append(
            f"JUSTLENS_ACK_TIMEOUT_S ({settings.ack_timeout_s:g} s) is longer than the broker's consumer_timeout"
            f" ({shortest_s:g} s)"
        )
    return problems


async def _ask_rabbitmqctl(broker: "RabbitBroker") -> dict[str, float]:
    """Ask the node on this machine, if it is one of the broker's. Raises NotChecked."""
    command = shutil.which("rabbitmqctl")
    if command is None:
        raise NotChecked("this release of RabbitMQ shows it to rabbitmqctl only, which is not on this machine")
    answer = await _evaluate(command) if await _has_node_register() else None
    if answer is None or answer[1] not in await broker.node_names():
        raise NotChecked("rabbitmqctl on this machine reaches no node of this broker")
    return {_EVERY_QUEUE: int(answer[2]) / 1000} if answer[2].isdigit() else {_EVERY_QUEUE: inf}


async def _has_node_register() -> bool:
    """Whether Erlang's register of this machine's nodes (epmd) runs.

    Without it there is no node here, and rabbitmqctl would start one that goes on after the check.
    """
    try:
        async with asyncio.timeout(_REGISTER_TIMEOUT_S):
            _, writer = await asyncio.open_connection("127.0.0.1", os.environ.get("ERL_EPMD_PORT", _REGISTER_PORT))
    except OSError:
        return False
    writer.close()
    return True


async def _evaluate(command: str) -> re.Match[str] | None:
    """What rabbitmqctl answers; None when it reaches no node in time."""
    asking = await asyncio.create_subprocess_exec(
        command,
        "--quiet",
        "eval",
        _ASK,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_CTL_TIMEOUT_S):
            return _ANSWER.search((await asking.communicate())[0].decode(errors="replace"))
    except TimeoutError:
        return None
    finally:
        if asking.returncode is None:
            asking.kill()
            await asking.wait()
