"""Exit codes, and what each of our errors says on the way out: the only place that knows both."""

import sys
from enum import IntEnum

from orchestrator.domain.errors import (
    ConfigurationError,
    JustLensError,
    SubscriptionLost,
    TopologyMismatch,
    Unavailable,
)
from orchestrator.embedded.data_dir import DataDirInUse


class ExitCode(IntEnum):
    """How a command ended. Scripts may rely on these."""

    DONE = 0
    NOT_DONE = 1
    USAGE = 2
    CONFIGURATION = 3
    TOPOLOGY = 4
    UNAVAILABLE = 5
    IN_USE = 6


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.NOT_DONE: "something that was asked for was not done, or not all of it",
    ExitCode.USAGE: "wrong usage",
    ExitCode.CONFIGURATION: "the configuration cannot be used",
    ExitCode.TOPOLOGY: "the broker's queues are not what queues.yaml says",
    ExitCode.UNAVAILABLE: "something that is needed is away",
    ExitCode.IN_USE: "the data directory is in use: a second `run`, `api` or `demo`, or a process that does not answer",
}

_HEADINGS = {
    ExitCode.NOT_DONE: "Not done",
    ExitCode.CONFIGURATION: "The configuration cannot be used",
    ExitCode.TOPOLOGY: "The broker's queues are not what queues.yaml says",
    ExitCode.UNAVAILABLE: "Something that is needed is away",
    ExitCode.IN_USE: "The data directory is in use",
}

_REMEDIES = {
    ExitCode.CONFIGURATION: "`justlens config` shows every setting and where it comes from.",
    ExitCode.TOPOLOGY: "`justlens topology apply` creates what is missing; what exists with other properties"
    " has to be changed or removed by hand.",
    ExitCode.UNAVAILABLE: "`justlens doctor` checks every dependency and names the remedy.",
    ExitCode.IN_USE: "Wait for the other process to end or stop it, or choose another directory with --data-dir. Beside"
    " a process that answers `justlens status`, `publish` and `dlq` work.",
}


def exit_code(error: JustLensError) -> ExitCode:
    """The exit code for ``error``."""
    match error:
        case ConfigurationError():
            return ExitCode.CONFIGURATION
        case TopologyMismatch():
            return ExitCode.TOPOLOGY
        case DataDirInUse():
            return ExitCode.IN_USE
        case Unavailable() | SubscriptionLost():
            return ExitCode.UNAVAILABLE
        case _:
            return ExitCode.NOT_DONE


def explain(error: JustLensError) -> str:
    """What happened and what to do about it, in sentences; without user information of URLs."""
    from orchestrator.observe import scrub  # brings the metrics along, which a command that succeeds may not need

    code = exit_code(error)
    details = [f"  {line}" for line in scrub(str(error), []).splitlines()]
    remedy = [_REMEDIES[code]] if code in _REMEDIES else []
    return "\n".join([f"{_HEADINGS[code]}:", *details, *remedy])


def fail(error: JustLensError) -> int:
    """Say on stderr what happened. Returns the exit code."""
    sys.stderr.write(explain(error) + "\n")
    return int(exit_code(error))


def epilog() -> str:
    """The exit codes as the last paragraph of the help."""
    return "Exit codes: " + "; ".join(f"[bold]{code.value}[/bold] {text}" for code, text in MEANINGS.items()) + "."
