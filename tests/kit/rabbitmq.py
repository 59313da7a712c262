"""A RabbitMQ node of its own: ports, node name, cookie, epmd and data are shared with nobody."""

import base64
import json
import socket
import subprocess
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.kit.installation import Installation, rabbitmq_installation
from tests.kit.ports import free_port
from tests.kit.process import Child, Server, wait_until

_LAUNCHER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_CTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


class RabbitMQ(Server):
    """One node on 127.0.0.1 with the management API.

    ``config`` are extra lines of rabbitmq.conf, such as ``"consumer_timeout = 2000"``. ``rabbit_env`` are keys of the
    ``rabbit`` application that only advanced.config knows, such as ``{"channel_tick_interval": 500}`` (ms). Both are
    written once; they hold for every start of this object.
    """

    name = "rabbitmq"

    def __init__(
        self,
        folder: Path,
        *,
        config: Sequence[str] = (),
        rabbit_env: Mapping[str, int] | None = None,
        installation: Installation | None = None,
    ) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.management_port = free_port()
        self._dist_port = free_port()
        self._epmd_port = free_port()
        self._node = f"justlens-{uuid.uuid4().hex[:8]}@localhost"
        self._epmd: Child | None = None
        self._installation = installation or rabbitmq_installation()
        lines = [
            f"management.tcp.port = {self.management_port}",
            "management.tcp.ip = 127.0.0.1",
            "disk_free_limit.absolute = 50MB",
            *config,
        ]
        keys = ", ".join(f"{{{key}, {value}}}" for key, value in (rabbit_env or {}).items())
        (folder / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (folder / "advanced.config").write_text(f"[{{rabbit, [{keys}]}}].\n")
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")

    @staticmethod
    def missing(installation: Installation | None = None) -> str | None:
        """What to install if the server is not there, else None."""
        used = installation or rabbitmq_installation()
        how = "apt-get install rabbitmq-server" if used.root is None else "deploy/compat-servers.sh"
        return None if used.find(_LAUNCHER) and used.find("epmd") else f"RabbitMQ is not installed: {how}"

    @property
    def management_url(self) -> str:
        """The base URL of the management API, credentials included."""
        return f"http://guest:guest@127.0.0.1:{self.management_port}"

    def amqp_url(self, vhost: str = "/", *, port: int | None = None) -> str:
        """The AMQP URL of ``vhost``; ``port`` names a proxy's instead of the node's."""
        return f"amqp://guest:guest@127.0.0.1:{port or self.port}/{quote(vhost, safe='')}"

    def command(self) -> Sequence[str]:
        return self._installation.command(_LAUNCHER)

    def ctl_command(self, *args: str) -> Sequence[str]:
        """The command line of this node's rabbitmqctl; the node is named by its environment."""
        return self._installation.command(_CTL, *args)

    def environment(self) -> Mapping[str, str]:
        folder = self.folder
        return {
            **super().environment(),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "no-such-file"),
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The launcher then replaces itself by the Erlang VM: the process started here is the one to kill.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def start(self) -> None:
        """Start the node, with an epmd of its own, and return when AMQP and the management API answer."""
        self._start_epmd()
        super().start()

    def _start_epmd(self) -> None:
        if self._epmd is None or not self._epmd.alive():
            epmd = self._installation.find("epmd") or "epmd"
            command = self._installation.command(epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1")
            self._epmd = Child(command, super().environment(), self.folder / "epmd.log", self.folder)
            wait_until(lambda: _listens(self._epmd_port), 10, "epmd to answer")

    def stop(self) -> None:
        """End the node in good order (about 6 s), then its epmd."""
        try:
            super().stop()
        finally:
            self._end_epmd()

    def close(self) -> None:
        """Kill the node and its epmd."""
        try:
            super().close()
        finally:
            self._end_epmd()

    def _end_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.kill()
        self._epmd = None

    def sync(self) -> None:
        """Flush what the node knows about its quorum queues; call it before ``kill`` when queues are new.

        A quorum queue declared less than half a second before a SIGKILL never gets a leader again, confirmed messages
        included: Ra keeps its directory of queues in dets tables, which are flushed every 500 ms (``auto_save``).
        """
        self.rabbitmqctl("eval", "[ok = dets:sync(Table) || Table <- dets:all()].")

    def answers(self) -> bool:
        """Whether a client gets the first frame of the AMQP handshake and the management API serves the vhost."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                greeted = client.recv(1) == b"\x01"
            return greeted and self.api("GET", "/api/aliveness-test/%2F", timeout_s=5) == {"status": "ok"}
        except (OSError, ValueError):
            return False

    def api(self, method: str, path: str, body: Any = None, *, timeout_s: float = 10.0) -> Any:
        """Call the management API (``path`` begins with /api/); the decoded answer, or None. Raises OSError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.management_port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(b"guest:guest").decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def add_vhost(self, name: str | None = None) -> str:
        """A fresh vhost in which guest may do everything; its name, one that nothing else has unless given."""
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        self.api("PUT", f"/api/vhosts/{name}", {})
        self.api("PUT", f"/api/permissions/{name}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
        return name

    def delete_vhost(self, name: str) -> None:
        """Remove a vhost with all its queues."""
        self.api("DELETE", f"/api/vhosts/{quote(name, safe='')}", timeout_s=60)

    def rabbitmqctl(self, *args: str, timeout_s: float = 60.0) -> str:
        """Run rabbitmqctl against this node; its standard output. Raises CalledProcessError."""
        environment = {**self.environment(), "RABBITMQ_CTL_DIST_PORT_MIN": str(free_port())}
        done = subprocess.run(
            self.ctl_command("--quiet", *args),
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=True,
        )
        return done.stdout


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
