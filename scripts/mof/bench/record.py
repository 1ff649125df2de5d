# SPDX-License-Identifier: GPL-2.0
"""Benchmarks are tables of steps and rows. Run them, judge the rows, keep the
record.

The record of each benchmark is a file in Documentation/bench/:

  machine   kernel and settings
  commands  {step: commands} for readers who want to repeat them
  rows      {machine: {row: {value, unit, target, raw}}}; raw has the numbers
            that the value was computed from; value null: the time never came
  series    {machine: {step: data for the pictures}}
"""

import json
import math
import operator
from dataclasses import dataclass, field
from pathlib import Path

from mof import rst, tap
from mof.build import REPO, Failure, say

from . import step as steps

PLACE = REPO / "Documentation" / "bench"
TOLERANCE = 1.05
# Recorded numbers are rounded
ROUNDING = 1e-4

OK, MISSED = "ok", "missed"
WORSE, ABSENT, UNKNOWN = "WORSE", "ABSENT", "NOT RECORDED"
NO_TARGET = "none"
COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass
class Row:
    """A value with its target: "<= N", ">= N" or NO_TARGET."""
    name: str
    step: str
    target: str
    measure: object             # function(result) -> (value, raw)
    unit: str = ""
    strict: bool = False        # a missed target fails


@dataclass
class Value:
    """A measured row; value None: it could not be computed."""
    row: Row
    value: float
    raw: dict = field(default_factory=dict)
    compared: bool = False      # with the record
    recorded: float = None

    @property
    def verdict(self):
        """One of the words above."""
        if self.value is None:
            return ABSENT
        if self.compared and self.recorded is None:
            return UNKNOWN
        if self.compared and worse(self.value, self.recorded, self.row.target):
            return WORSE
        return OK if reached(self.value, self.row.target) else MISSED

    @property
    def bad(self):
        """Whether the benchmark fails."""
        return self.verdict in (WORSE, ABSENT, UNKNOWN) \
            or self.row.strict and self.verdict == MISSED

    @property
    def better(self):
        """Whether the recorded value can be improved."""
        return None not in (self.value, self.recorded) \
            and worse(self.recorded, self.value, self.row.target)

    def line(self):
        """For people, with the raw numbers below."""
        text = f"{self.row.name:<46} {number(self.value):>9} " \
            f"{self.row.target + ' ' + self.row.unit:<14} "
        if self.compared:
            text += f"{number(self.recorded):>9} "
        text += self.verdict + (", better" if self.better else "")
        raw = "; ".join(f"{name} {number(value)}"
                        for name, value in self.raw.items())
        return text + (f"\n    {raw}" if raw else "")

    def note(self):
        """The name of a test in TAP."""
        text = f"{self.row.name}: {self.verdict}: {number(self.value)}, " \
            f"target {self.row.target} {self.row.unit}".rstrip()
        return text + (f", recorded {number(self.recorded)}"
                       if self.compared else "")


@dataclass
class Bench:
    """A table of steps and rows, and its record."""
    path: Path                  # of the record
    steps: list
    rows: list
    series: object = None       # function(result) -> data for the pictures
    table: object = None        # function(record) -> reStructuredText, which
                                # goes into the page beside the record
    compared: bool = False      # a value may not get worse than recorded

    def load(self):
        """The record; an empty one if there is none yet."""
        try:
            return json.loads(self.path.read_text())
        except FileNotFoundError:
            return empty()
        except ValueError as error:
            raise Failure(f"{self.path}: {error}") from None

    def save(self, record):
        """Write the record, and the table in the page."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(lines(record) + "\n")
        if self.table:
            rst.replace(self.path.with_suffix(".rst"), self.table(record))

    def measured(self, result):
        """A Value for each row of a step."""
        values = []
        for row in self.rows:
            if row.step != result.step.name:
                continue
            try:
                value = Value(row, *row.measure(result), self.compared)
                if self.compared and not value.value >= 0:
                    raise Failure(f"{value.value} is no ratio of costs: "
                                  f"{value.raw}")
            except (Failure, ArithmeticError, LookupError, TypeError,
                    ValueError) as error:
                say(f"{row.name}: cannot be computed: {error!r}")
                value = Value(row, None)
            values.append(value)
        return values

    def merge(self, record, result, values):
        """Put the results of a step into the record; rows of other steps
        stay."""
        step = result.step
        for output in result.outputs().values():
            record["machine"] = {
                "kernel": output["kernel"]["release"],
                "cpu_options": " ".join(steps.OPTIONS),
                "clock_unit": output["clock_unit"],
                "settings": output.get("settings", {})}
        if step.commands:
            record["commands"][step.name] = list(step.commands)
        if values:
            rows = record["rows"].get(step.where, {}) | {
                value.row.name: {
                    "value": rounded(value.value), "unit": value.row.unit,
                    "target": value.row.target,
                    "raw": {name: rounded(raw)
                            for name, raw in value.raw.items()}}
                for value in values if value.value is not None}
            # In the order of the table
            record["rows"][step.where] = {row.name: rows[row.name]
                                          for row in self.rows
                                          if row.name in rows}
        if self.series:
            series = record["series"].setdefault(step.where, {})
            series[step.name] = self.series(result)

    def run(self, chosen, record=None, again=False, write=False,
            quiet=False):
        """Run steps and judge their rows; returns the values. With write,
        the record is updated after each step."""
        record = self.load() if record is None else record
        values = []
        for step in chosen:
            result = step.run(again)
            found = self.measured(result)
            known = record["rows"].get(step.where, {})
            self.merge(record, result, found)
            if write:
                self.save(record)
                known = record["rows"].get(step.where, {})
            for value in found:
                if self.compared and value.row.name in known:
                    value.recorded = known[value.row.name]["value"]
                if not quiet:
                    say(value.line())
            values += found
        return values


def empty():
    """A record of nothing."""
    return {"machine": {}, "commands": {}, "rows": {}, "series": {}}


def reached(value, target):
    """Whether a value is as good as its target, if it has one."""
    if target == NO_TARGET:
        return True
    sign, limit = target.split()
    return value is not None and COMPARE[sign](value, float(limit))


def worse(value, recorded, target):
    """Whether a value is worse than recorded by more than 5%; no increase
    of 0 is accepted."""
    if target.startswith(">="):
        return value < recorded / TOLERANCE - ROUNDING
    return value > recorded * TOLERANCE + ROUNDING


def number(value):
    """A number as text; None is a time that never came."""
    if value is None or math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 1e4 else \
        f"{value:.4f}" if value < 10 else f"{value:.1f}"


def rounded(value):
    """A number as recorded; null for a time that never came."""
    if value is None or math.isinf(value):
        return None
    return float(f"{value:.6g}") if abs(value) < 1e4 else round(value)


def flat(value):
    """Whether a value fits on a line of JSON: numbers, and lists of them."""
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(item, (str, dict))
                                        for item in value))


def lines(value, indent=0):
    """JSON with a line for each innermost object and each text of a list."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, list)) or flat(value) \
            or isinstance(value, dict) and all(map(flat, inner)):
        return json.dumps(value, ensure_ascii=False, separators=(
            (",", ":") if isinstance(value, list) else None))
    names = [f"{json.dumps(name, ensure_ascii=False)}: " for name in value] \
        if isinstance(value, dict) else [""] * len(value)
    body = ",\n".join(" " * (indent + 1) + name + lines(item, indent + 1)
                      for name, item in zip(names, inner))
    left, right = "{}" if isinstance(value, dict) else "[]"
    return f"{left}\n{body}\n{' ' * indent}{right}"


def report(values, as_tap):
    """The last line, or all values as TAP; returns the exit status."""
    bad = sum(value.bad for value in values)
    if as_tap:
        out = tap.Writer()
        for value in values:
            out.test(value.note(), value.note() if value.bad else "")
        return out.done()
    missed = sum(value.verdict == MISSED for value in values)
    say(f"{len(values)} rows, {missed} targets missed, {bad} bad")
    if any(value.better for value in values):
        say("some are better than recorded: --record updates the record")
    return 1 if bad else 0
