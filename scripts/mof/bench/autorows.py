# SPDX-License-Identifier: GPL-2.0
"""The rows of the automatic mode's table, and what they have to be."""

from dataclasses import dataclass, field

from mof.build import Failure, say

from .autofigures import (FAULTS, LOCAL, WORST, against_stock, converged,
                          extra_work, followers, held, instructions, late,
                          late_moves, locality, memory, most_moves, nothing,
                          of_lazy, per_page, perf, slowest_swap)
from .compare import MISSED, OK, reached


@dataclass
class Row:
    """One line: what it is, in which unit, and what it should be."""
    name: str
    step: str
    target: str
    measure: object                     # function(result) -> (value, raw)
    unit: str = ""


@dataclass
class Value:
    """A measured row."""
    row: Row
    value: float
    raw: dict = field(default_factory=dict)

    @property
    def verdict(self):
        """ok or missed"""
        return OK if reached(self.value, self.row.target) else MISSED


THIRD = "<= 0.3334"
NO_WORSE = "<= 1"
ROWS = [
    Row("split, 40 s: hinting faults / stock", "split", "<= 0.02",
        against_stock("split", FAULTS)),
    Row("split, 40 s: local, worst thread", "split", ">= 99",
        of_lazy("split", WORST), "%"),
    *(Row(f"{workload}, {kind}: time to 95% local / stock", "quick", THIRD,
          converged("quick", workload, kind))
      for workload in ("handover", "split") for kind in ("4k", "thp")),
    Row("steady, after 10 s: hinting faults / stock", "steady", "<= 0.01",
        late("late_hint_faults")),
    Row("steady, after 10 s: PTE updates / stock", "steady", "<= 0.01",
        late("late_pte_updates")),
    Row("steady: instructions for balancing / all", "steady", "<= 0.0005",
        instructions),
    *(Row(f"{workload}: faults and PTE updates", "bound", "<= 0",
          nothing(workload))
      for workload in ("bound", "bound-cpuset", "bound-node")),
    Row("shared, after 30 s: migrated a minute", "shared", "<= 1",
        late_moves, "%"),
    Row("shared: most moves of an extent / cap", "shared", "<= 1", most_moves),
    Row("interleave: local at the end", "interleave", ">= 95",
        of_lazy("interleave", LOCAL), "%"),
    Row("interleave: migrated / pages", "interleave", "<= 1.2", per_page),
    Row("phase, 5 s: slowest swap followed", "phase", "<= 2", slowest_swap,
        "s"),
    Row("phase, 1 s, after 20 s: pages that follow", "phase", "<= 5",
        followers, "%"),
    Row("churn: more instructions than off", "churn", "<= 0.3", extra_work,
        "%"),
    *(Row(f"{shape}: time to 95% local / stock", "shapes", NO_WORSE,
          converged("shapes", shape)) for shape in ("numa01", "numa02")),
    *(Row(f"{shape}: local at the end, more than stock", "shapes", ">= -1",
          locality("shapes", shape), "% points")
      for shape in ("numa01", "numa02")),
    Row("perf bench numa mem: time / stock", "perf", NO_WORSE, perf),
    Row("hold, 16 GiB: held longer than off", "hold", "<= 200", held, "us"),
    Row("memory for 1 TiB mapped", "memory", "<= 16", memory, "MiB"),
]

# A few seconds instead of many: targets that only a fault misses
SHORT = [
    Row("split: hinting faults / stock", "short", "<= 0.05",
        against_stock("split", FAULTS)),
    Row("split: local, worst thread", "short", ">= 95",
        of_lazy("split", WORST), "%"),
    *(Row(f"{workload}: time to 95% local / stock", "short", "<= 0.5",
          converged(workload, workload)) for workload in ("split", "handover")),
    Row("steady: late hinting faults / stock", "short", "<= 0.05",
        against_stock("steady", "late_hint_faults")),
    Row("steady: late PTE updates / stock", "short", "<= 0.05",
        against_stock("steady", "late_pte_updates")),
    Row("interleave: local at the end", "short", ">= 90",
        of_lazy("interleave", LOCAL), "%"),
    *(Row(f"{workload}: faults and PTE updates", "short", "<= 0",
          nothing(workload))
      for workload in ("bound", "bound-cpuset", "bound-node")),
]


def measured(result, rows=None):
    """Values of the rows that a step gives."""
    values = []
    for row in ROWS if rows is None else rows:
        if row.step != result.step.name:
            continue
        try:
            values.append(Value(row, *row.measure(result)))
        except (Failure, ArithmeticError, LookupError, TypeError,
                ValueError) as error:
            say(f"{row.name}: cannot be computed: {error!r}")
    return values
