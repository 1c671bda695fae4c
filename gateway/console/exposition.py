"""The metrics of all processes of one gateway as one text: further workers' series carry their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

UP: Final = "tagway_worker_up"
WORKER: Final = "worker"
_FIRST: Final = 0


def exposition(registry: CollectorRegistry, further: Mapping[int, bytes | None]) -> bytes:
    """Spell what this process counts, and what the further ones said of themselves; None where one said nothing.

    Shape: with further processes each series has the label `worker`, so that one which begins anew at 0 is a reset of
           its own series alone; without any, none has it.
    """
    if not further:
        return generate_latest(registry)
    up = GaugeMetricFamily(UP, "Whether an ingest process answered this scrape.", labels=(WORKER,))
    up.add_metric((str(_FIRST),), 1)
    found: dict[str, Metric] = {}
    _add(found, registry.collect(), _FIRST)
    for worker, said in sorted(further.items()):
        up.add_metric((str(worker),), said is not None)
        if said is not None:
            _add(found, text_string_to_metric_families(said.decode()), worker)
    return generate_latest(_Collected([up, *found.values()]))


class _Collected(CollectorRegistry):
    """A registry that collects what was collected before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__(auto_describe=False)
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _add(found: dict[str, Metric], families: Iterable[Metric], worker: int) -> None:
    """Add one process's series to those of the others, by the names of their metrics."""
    for family in families:
        known = found.setdefault(family.name, Metric(family.name, family.documentation, family.type))
        known.samples += [sample._replace(labels={**sample.labels, WORKER: str(worker)}) for sample in family.samples]
