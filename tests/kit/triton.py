"""A tritonserver of its own on free ports: the real server, unpacked from the wheel of nvidia-pytriton, on the CPU."""

import os
import shutil
import site
import sys
import sysconfig
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kit.ports import free_port
from tests.kit.process import Server

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "triton" / "models"
ENCODERS = ROOT / "triton" / "encoders"
_SERVERS = ROOT / "build" / "servers"
_UNPACKED = _SERVERS / "triton"
_INSIDE = Path("pytriton/tritonserver")
_PYTHON = _SERVERS / "triton-python"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_STUB = _INSIDE / "python_backend_stubs" / _VERSION / "triton_python_backend_stub"


class Triton(Server):
    """tritonserver with the python backend, serving every model of ``repository``; models can be unloaded and loaded.

    ``extra_env`` reaches the models. ``load`` names the models to start with, ``more`` are further options of its
    command line. Nothing is written outside ``folder``: what must differ from the unpacked wheel is copied into it,
    the rest is linked.
    """

    name = "tritonserver"
    start_timeout_s = 150.0

    def __init__(
        self,
        folder: Path,
        repository: Path,
        extra_env: Mapping[str, str] | None = None,
        *,
        load: Sequence[str] = ("*",),
        more: Sequence[str] = (),
    ) -> None:
        super().__init__(folder.resolve())
        self.repository = repository
        self._more = (*(f"--load-model={name}" for name in load), *more)
        self.port = free_port()
        self.http_port = free_port()
        self.metrics_port = free_port()
        self._extra_env = dict(extra_env or {})
        self._shm_prefix = f"justlens_{uuid.uuid4().hex[:12]}_"
        self._install()

    @staticmethod
    def missing() -> str | None:
        """What to install if the server is not there, else None."""
        needed = (_UNPACKED / _INSIDE / "bin/tritonserver", _UNPACKED / _STUB, _PYTHON / "bin/python3")
        return None if all(path.exists() for path in needed) else "Triton is not installed: deploy/test-servers.sh"

    @property
    def url(self) -> str:
        """The gRPC address."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        server = self.folder / "server" / _INSIDE
        options = {
            "model-repository": self.repository,
            "model-control-mode": "explicit",
            "exit-timeout-secs": 3,  # a model that died is waited for in vain
            "backend-directory": server / "backends",
            "backend-config": f"python,shm-region-prefix-name={self._shm_prefix}",
            "grpc-address": "127.0.0.1",
            "grpc-port": self.port,
            "http-address": "127.0.0.1",
            "http-port": self.http_port,
            "http-thread-count": 1,
            "metrics-address": "127.0.0.1",
            "metrics-port": self.metrics_port,
            "allow-gpu-metrics": "false",
            "pinned-memory-pool-byte-size": 0,
        }
        return [
            str(server / "bin/tritonserver"),
            *(f"--{name}={value}" for name, value in options.items()),
            *self._more,
        ]

    def environment(self) -> Mapping[str, str]:
        inherited = super().environment()
        return {
            **inherited,
            # The python backend runs the first python3 it finds and does not look at PYTHONPATH.
            "PATH": f"{self.folder / 'python' / 'bin'}{os.pathsep}{inherited['PATH']}",
            "LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR")),
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._extra_env,
        }

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/v2/health/ready", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        super().stop()
        self._forget_shared_memory()

    def kill(self) -> None:
        super().kill()
        self._forget_shared_memory()

    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / f"{self.name}.log").read_text(errors="replace")

    def _forget_shared_memory(self) -> None:
        """A server that was killed leaves its regions behind."""
        for region in Path("/dev/shm").glob(f"{self._shm_prefix}*"):
            region.unlink(missing_ok=True)

    def _install(self) -> None:
        """The server as its own layout wants it. Unpacking a wheel loses the modes of its executables."""
        server = self.folder / "server"
        backend = server / _INSIDE / "backends" / "python"
        (server / _INSIDE / "bin").mkdir(parents=True)
        backend.mkdir(parents=True)
        (server / "nvidia_pytriton.libs").symlink_to(_UNPACKED / "nvidia_pytriton.libs")
        for file in (_UNPACKED / _INSIDE / "backends/python").iterdir():
            (backend / file.name).symlink_to(file)
        for source, target in ((_INSIDE / "bin/tritonserver", _INSIDE / "bin"), (_STUB, backend)):
            copy = shutil.copy(_UNPACKED / source, server / target)
            os.chmod(copy, 0o755)
        self._install_python()

    def _install_python(self) -> None:
        """A virtual environment of which the stub believes it is the one: numpy 1.x first, then what the tests have."""
        python = self.folder / "python"
        packages = python / "lib" / f"python{_VERSION}" / "site-packages"
        packages.mkdir(parents=True)
        (python / "bin").mkdir()
        (python / "bin/python3").symlink_to((_PYTHON / "bin/python3").resolve())
        shutil.copy(_PYTHON / "pyvenv.cfg", python)
        own = _PYTHON / "lib" / f"python{_VERSION}" / "site-packages"
        paths = [own, *(Path(path) for path in site.getsitepackages()), ROOT]
        (packages / "justlens-tests.pth").write_text("".join(f"{path}\n" for path in paths))
