# SPDX-License-Identifier: GPL-2.0
"""Keep what was measured of the automatic mode: the table, and where memory was
over time. Rows that were not measured stay as they are recorded."""

import json
import math

from mof.build import REPO, Failure

from . import autoshow
from .autorows import ROWS

RECORD = REPO / "Documentation" / "bench" / "automatic.json"
TEXT = RECORD.with_suffix(".rst")
BEGIN, END = ".. begin of the table\n", ".. end of the table\n"
POINTS = 100
COUNTERS = {"faults": "numa_hint_faults", "migrated": "numa_pages_migrated"}


def load(path=RECORD, members=("machine", "rows", "series"), empty=dict):
    """What is recorded; members that are empty if there is no record yet."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {name: empty() for name in members}
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None


def rounded(number):
    """With the digits that matter; null for a time that never came."""
    if number is None or math.isinf(number):
        return None
    return float(f"{number:.4g}") if abs(number) < 1e4 else round(number)


def row(value):
    """A value as recorded."""
    return {"value": rounded(value.value), "unit": value.row.unit,
            "target": value.row.target, "verdict": value.verdict,
            "raw": {name: rounded(number)
                    for name, number in value.raw.items()}}


def changing(points):
    """Without those that are as the one before and the one behind."""
    return [point for at, point in enumerate(points)
            if at in (0, len(points) - 1)
            or not points[at - 1][1:] == point[1:] == points[at + 1][1:]]


def thinned(columns, most=POINTS):
    """The same columns with at most so many points, the last one among them."""
    points = changing(list(zip(*columns.values())))
    step = max(1, math.ceil((len(points) - 1) / (most - 1)))
    picked = sorted({*range(0, len(points), step), len(points) - 1})
    return dict(zip(columns, map(list, zip(*(points[at] for at in picked)))))


def series(sample):
    """Placement over time of one run."""
    seen = sample["series"]
    columns = {"s": [round(ns / 1e9, 2) for ns in seen["ns"]],
               "local": [None if local is None else round(local, 1)
                         for local in seen["local_percent"]]}
    for name, counter in COUNTERS.items():
        columns[name] = seen["vmstat"].get(counter, [0] * len(seen["ns"]))
    return thinned(columns)


def all_series(result):
    """{workload, pages, mode: columns} of a step."""
    found = {}
    for file, output in result.outputs().items():
        for run in output["results"]:
            name = f"{run['workload']} {run['page_size']} {run['mode']}"
            for sample in run["samples"][:1]:
                if sample["series"]["local_percent"][0] is not None:
                    found[f"{file}: {name}"] = series(sample)
    return found


def merge(record, result, values):
    """Take what a step has given into the record."""
    for output in result.outputs().values():
        record["machine"] = {
            "kernel": output["kernel"]["release"],
            "clock_unit": output["clock_unit"]}
    rows = record["rows"].setdefault(result.topology, {})
    rows |= {value.row.name: row(value) for value in values}
    # In the order of the table, whenever each was measured
    record["rows"][result.topology] = {
        each.name: rows[each.name] for each in ROWS if each.name in rows}
    record["series"].setdefault(result.topology, {})[result.step.name] = \
        all_series(result)


def save(record, path=RECORD):
    """Rows for readers; a line for each column over time."""
    def lines(value, depth):
        if isinstance(value, dict) and value and depth:
            inner = ",\n".join(f"{' ' * (5 - depth)}{json.dumps(key)}: "
                               f"{lines(item, depth - 1)}"
                               for key, item in value.items())
            return f"{{\n{inner}\n{' ' * (4 - depth)}}}"
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")
                          if isinstance(value, list) else None)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines(record, 4) + "\n")


def parts(text, path=TEXT, begin=BEGIN, end=END):
    """The text before the table, the table, and the text behind."""
    before, found, rest = text.partition(begin)
    inside, ended, after = rest.partition(end)
    if not found or not ended:
        raise Failure(f"{path}: no marks around the table")
    return before + begin, inside.strip("\n") + "\n", end + after


def update(record, path=TEXT):
    """Put the table into the text."""
    before, _, after = parts(path.read_text())
    path.write_text(f"{before}\n{autoshow.table(record)}\n{after}")
