"""Metrics: what the documentation names is there."""

from orchestrator import observe
from orchestrator.observe import Metrics


def test_metrics_have_the_names_that_are_documented() -> None:
    metrics = Metrics()
    metrics.watch_workers({})
    metrics.settled("work", "done", None, 0.1)
    names = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    names |= {family.name for family in metrics.registry.collect()}
    assert observe.__doc__ is not None
    documented = [line.partition("{")[0].split()[0] for line in observe.__doc__.splitlines() if "justlens_" in line]
    known = names | {f"{name}_total" for name in names}
    assert len(documented) == 10 and [name for name in documented if name not in known] == []
