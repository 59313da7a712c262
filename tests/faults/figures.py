"""What the fault tests measured, into build/chaos.json; on servers of another release, into build/compat.json."""

from tests.kit.figures import Row, record
from tests.kit.installation import rabbitmq_installation
from tests.kit.orchestrators import ROOT

CHAOS = ROOT / "build" / ("chaos.json" if rabbitmq_installation().root is None else "compat.json")


def at_most(key: str, what: str, value: float, limit: float, n: int | str) -> None:
    """Note a figure that must not be over ``limit``. The test asserts it by itself, with better words."""
    target = "0" if limit == 0 else f"<= {limit:g}"
    row = Row(
        id=key,
        what=what,
        value=value,
        target=target,
        holds=value <= limit,
        n=str(n),
        spread="one run",
        peer="the promise",
    )
    record(CHAOS, row)
