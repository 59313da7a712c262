"""Where a server is installed: on this machine, or in the system of its own that deploy/compat-servers.sh makes."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

COMPAT = Path(__file__).resolve().parents[2] / "build" / "compat"
_PLACES = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
# Mounts belong to a mount namespace of the process, so none is left when it ends. Each command replaces the one before
# it: the process that is started is the server, which can be killed and frozen by its id.
_ENTER = (
    'root=$1; shift; for folder in /proc /dev "$1"; do mkdir -p "$root$folder"; mount --rbind "$folder" "$root$folder";'
    ' done; shift; exec chroot "$root" "$@"'
)


@dataclass(frozen=True, slots=True)
class Installation:
    """``root`` is the folder that holds the system; None is this machine."""

    root: Path | None = None

    def path(self, inside: str | Path) -> Path:
        """Where a file of the system is seen from this one."""
        return (self.root or Path("/")) / Path(inside).relative_to("/")

    def find(self, *names: str) -> str | None:
        """The first of these programs that is there, by its path inside the system."""
        if self.root is None:
            return next((found for name in names if (found := shutil.which(name, path=_PLACES))), None)
        if not self.path("/.ready").exists():
            return None
        places = (Path(folder) / name for name in names for folder in ("/usr/bin", "/usr/sbin"))
        return next((str(place) for place in places if self.path(place).exists()), None)

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs ``words`` inside; the folder of temporary files is the same there as here."""
        command = [str(word) for word in words]
        if self.root is None:
            return command
        namespace = ["unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", _ENTER, "sh"]
        return [*namespace, str(self.root), tempfile.gettempdir(), *command]


def chosen_installation(variable: str, value: str) -> Installation:
    """The system of compat-servers.sh when this variable of the test run has the value, else this machine."""
    return Installation(COMPAT if os.environ.get(variable) == value else None)


def rabbitmq_installation() -> Installation:
    """The RabbitMQ of this test run: TEST_RABBITMQ=4 chooses the one of compat-servers.sh."""
    return chosen_installation("TEST_RABBITMQ", "4")
