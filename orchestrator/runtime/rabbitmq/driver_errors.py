"""The driver's errors in words that say what the broker said."""

from traceback import walk_tb

from aiormq.exceptions import InvalidFrameError, ProbableAuthenticationError
from pamqp.commands import Connection
from yarl import URL

from orchestrator.domain.errors import Unavailable

_PORTS = {"amqp": 5672, "amqps": 5671}


class NoAnswer(Unavailable):
    """The broker keeps the connection and leaves a call unanswered."""


def describe(error: BaseException) -> str:
    """An error of the driver in one line; some of them carry no text."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def describe_host(url: URL) -> str:
    """Host and port of an AMQP URL, as people may see them."""
    return f"{url.host}:{url.port or _PORTS.get(url.scheme)}"


def describe_refusal(error: BaseException, url: URL, timeout_s: float) -> str:
    """Why no connection to ``url`` came about, in one line that begins with host and port."""
    if isinstance(error, TimeoutError):
        reason = f"no answer within {timeout_s:g} s"
    elif isinstance(error, InvalidFrameError):
        reason = _describe_close(error)
    elif isinstance(error, ProbableAuthenticationError):
        reason = f"{error}; correct user or password in JUSTLENS_AMQP_URL"
    else:
        reason = describe(error)
    return f"{describe_host(url)}: {reason}"


def _describe_close(error: InvalidFrameError) -> str:
    """What the broker said when it closed the connection instead of opening the vhost.

    The driver puts the frame's repr into its error and the frame nowhere, so it is taken from where the error was
    raised. Without it, in another release of the driver, the driver's words stand.
    """
    for frame, _ in walk_tb(error.__traceback__):
        answer = frame.f_locals.get("frame")
        if isinstance(answer, Connection.Close):
            return f"{answer.reply_text}; create the vhost and let the user in, or correct JUSTLENS_AMQP_URL"
    return describe(error)
