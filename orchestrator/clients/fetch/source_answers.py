"""What an image host's status, or the end of the connection to it, means for the job."""

import aiohttp
from yarl import URL

from orchestrator.clients.fetch.address_filter import AddressRefused
from orchestrator.clients.http import fault_of
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.urls import without_secrets

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({408, 425})


def check_status(status: int, url: URL) -> None:
    """Pass a 200, whose body is the image itself. Raises JobRefused or JobFailed for everything else."""
    where = without_secrets(str(url))
    if status in (404, 410):
        raise JobRefused("source_gone", f"{where}: status {status}")
    if status >= 500 or status in TEMPORARY:
        raise JobFailed("source_unavailable", f"{where}: status {status}")
    if status != 200:
        raise JobRefused("source_refused", f"{where}: status {status}")


def explain_transport_error(error: BaseException, url: URL) -> JobRefused | JobFailed:
    """Build the job's error for one of TRANSPORT_ERRORS."""
    where = without_secrets(str(url))
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefused):
        return JobRefused("address_refused", f"{where}: {error.os_error.address} is not a public address")
    if isinstance(error, aiohttp.InvalidURL):
        return JobRefused("bad_url", f"{where}: not a URL")
    return JobFailed("source_unavailable", f"{where}: {fault_of(error).detail}")
