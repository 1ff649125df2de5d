# SPDX-License-Identifier: GPL-2.0
"""Compare ratios with targets and with recorded ones; keep the record."""

import json
import operator
from dataclasses import dataclass

from mof.build import REPO, Failure

# Beside the figures that the documents quote from it
RECORD = REPO / "Documentation" / "bench" / "engine.json"
TOLERANCE = 1.05
# What the last digit of a recorded number hides
ROUNDING = 1e-4

OK, MISSED = "ok", "missed"
WORSE, ABSENT, UNKNOWN = "WORSE", "ABSENT", "NOT RECORDED"
BAD = (WORSE, ABSENT, UNKNOWN)
NO_TARGET = "none"
COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass
class Verdict:
    """One line of the table. Of value and recorded, one may be missing."""
    name: str
    value: object
    recorded: object
    verdict: str

    @property
    def bad(self):
        """Whether the run fails of it."""
        return self.verdict in BAD

    @property
    def better(self):
        """Whether the record is out of date, to the good."""
        return bool(self.value and self.recorded) and worse(
            self.recorded["ratio"], self.value.ratio, self.value.target)


def reached(ratio, target):
    """Whether a ratio is as good as its target, if there is one."""
    if target == NO_TARGET:
        return True
    sign, number = target.split()
    return COMPARE[sign](ratio, float(number))


def worse(ratio, recorded, target):
    """Whether a ratio is worse than the recorded one by more than 5%. Of what
    was not there, nothing is acceptable."""
    if target.startswith(">="):
        return ratio < recorded / TOLERANCE - ROUNDING
    return ratio > recorded * TOLERANCE + ROUNDING


def judge(value, recorded):
    """The verdict on one measured ratio."""
    if recorded is None:
        return UNKNOWN
    if worse(value.ratio, recorded["ratio"], value.target):
        return WORSE
    return OK if reached(value.ratio, value.target) else MISSED


def compare(values, record, boots):
    """Verdicts on all values, and on recorded rows of these boots that were
    not measured."""
    verdicts = [Verdict(value.name, value, record.get(value.name),
                        judge(value, record.get(value.name)))
                for value in values]
    names = {value.name for value in values}
    verdicts += [Verdict(name, None, row, ABSENT)
                 for name, row in record.items()
                 if name not in names and row["boot"] in boots]
    return verdicts


def load(path=RECORD):
    """{name: row} as recorded; nothing if there is no record yet."""
    try:
        return json.loads(path.read_text())["rows"]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path}: {error!r}") from None


def save(values, machine, path=RECORD):
    """Write the record anew."""
    rows = {value.name: {"ratio": round(value.ratio, 4),
                         "target": value.target, "boot": value.boot,
                         "raw": {name: round(raw, 2)
                                 for name, raw in value.raw.items()}}
            for value in values}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "rows": rows},
                               indent=2, ensure_ascii=False) + "\n")
