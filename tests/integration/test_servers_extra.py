"""What the extra ``servers`` declares is all that the orchestrator needs on real servers."""

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.kit.orchestrators import plain_environment

ROOT = Path(__file__).parents[2]
# Words of the command line are packages that an environment with only the extra would not have.
_WITHOUT = "import sys; sys.modules.update(dict.fromkeys(sys.argv[1:]))\n"
_IMPORT_EVERYTHING = """
import importlib, pkgutil, orchestrator
for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
    if not found.name.endswith("__main__") and ".migrations." not in found.name:  # those two are run, not imported
        importlib.import_module(found.name)
"""
# What a client does when MySQL 8 and later ask for a password they have not cached yet and the connection has no TLS:
# encrypt it with the server's public key.
_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvZ/tcdcJmbqGYQLjIFGZ2z7MkjYBbiUMpf6plIlFbUHgK+usqYTp2uEH"
    "Hlnx/PGYBKAQLZZo0+GfmFcjFzfwGUHlcEN4B/fuJa/7W4TsiDvkO267q6ebv7AAdp0k918eawUBtokXXobnMdfezx4UMlMVpZud"
    "DpwU1BhLZEw1ZkppwtKpR8TqBdFTNNOa0bO1wpntNAoLoaf20/RLKM1Pq6E1jLL7SLC/DQf48AEhKLJ9CHAwLoJ0e2n91OK+MD8i"
    "pkIoVGaYQJ240+6Av/e2BibhsVTs5bJO+uZs+/pTYWfyrb5qjg5OOQHkqCtZO1yj+ADzvDwE2b6eUYT1fNR7LwIDAQAB"
)
_LOG_IN = f"""
from aiomysql.connection import _auth
key = "-----BEGIN PUBLIC KEY-----\\n{_KEY}\\n-----END PUBLIC KEY-----\\n"
assert len(_auth.sha2_rsa_encrypt(b"password", b"x" * 20, key.encode())) == 256
"""


def _closure(requirements: Iterable[str]) -> set[str]:
    """The names of all distributions that these requirements bring along."""
    waiting = [Requirement(line) for line in requirements]
    seen = set()
    while waiting:
        wanted = waiting.pop()
        if (key := (canonicalize_name(wanted.name), frozenset(wanted.extras))) in seen:
            continue
        seen.add(key)
        needed = map(Requirement, distribution(wanted.name).requires or ())
        extras = [{"extra": extra} for extra in ("", *wanted.extras)]
        waiting += [each for each in needed if each.marker is None or any(map(each.marker.evaluate, extras))]
    return {name for name, _ in seen}


@pytest.fixture(scope="module")
def absent() -> list[str]:
    """The packages of this environment that the core and the extra do not bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = _closure([*project["dependencies"], *project["optional-dependencies"]["servers"]]) | {"justlens"}
    return [
        package
        for package, owners in packages_distributions().items()
        if package.isidentifier() and not declared & set(map(canonicalize_name, owners))
    ]


@pytest.mark.parametrize("program", [_IMPORT_EVERYTHING, _LOG_IN], ids=["import everything", "log in to MySQL"])
def test_nothing_else_is_needed_to(program: str, absent: list[str]) -> None:
    assert {"torch", "pytest"} <= set(absent)
    command = [sys.executable, "-W", "error::ImportWarning", "-c", _WITHOUT + program, *absent]
    done = subprocess.run(
        command, cwd=ROOT, env=plain_environment({}), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
