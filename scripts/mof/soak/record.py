# SPDX-License-Identifier: GPL-2.0
"""Results of soaks: several runs add up; show and record them."""

import collections
import json

from mof import rst
from mof.build import BUILD, REPO, Failure

from . import run

STATE = BUILD / "soak" / "state.json"
RECORD = REPO / "Documentation" / "bench" / "reliability.json"
TEXT = RECORD.with_suffix(".rst")
FAULTS = {"fail_page_alloc": "faults: pages not allocated",
          "failslab": "faults: slabs not allocated",
          "fail_function": "faults: steps of ours failed"}
# Names of the sums, and their titles
DONE = {"seconds": "seconds of programs",
        "operations": "operations, mof_stress",
        "bytes_verified": "bytes verified, mof_stress",
        "programs": "programs, mof_fuzz",
        "pages_compared": "pages compared, mof_fuzz",
        "mof_marked": "pages marked", "mof_migrated": "pages migrated",
        "mof_migrated_thp": "THPs migrated", "mof_failed_nomem":
        "pages that stayed: no memory", "mof_failed_shared":
        "pages that stayed: shared", "mof_failed_pinned":
        "pages that stayed: pinned", "mof_failed_busy":
        "pages that stayed: busy", "mof_failed_raced":
        "pages that stayed: raced", "mof_samples": "samples",
        "mof_armed": "extents armed", "pswpout": "pages swapped out"}


def load(path=STATE):
    """The parts of the present code; others do not count."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())["parts"]
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None
    now = run.revision()
    return [row for row in rows if row["revision"] == now]


def save(rows, path=STATE):
    """A line for each part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n ".join(json.dumps(row) for row in rows)
    path.write_text('{"parts": [\n ' + lines + "\n]}\n")


def total(rows):
    """The sum of some parts."""
    done, injected = collections.Counter(), collections.Counter()
    leaks, races = collections.Counter(), collections.Counter()
    for row in rows:
        done.update(row["done"])
        injected.update(row["injected"])
        leaks.update(row["leaks"])
        races.update(row["races"])
    return {"guests": len(rows), "done": dict(done),
            "injected": dict(injected), "leaks": dict(leaks),
            "races": dict(races.most_common()),
            "warnings": sum(row["warnings"] for row in rows),
            "failed": sum(bool(row["problems"]) for row in rows)}


def by_profile(rows):
    """{profile: sum} in the order of the runs."""
    return {profile: total([row for row in rows
                            if row["profile"] == profile])
            for profile in dict.fromkeys(row["profile"] for row in rows)}


def cells(sums):
    """{title: number} of a column."""
    return {
        "guests": sums["guests"],
        **{text: sums["done"].get(name, 0) for name, text in DONE.items()},
        **{text: sums["injected"].get(name, 0)
           for name, text in FAULTS.items()},
        "data races of the stock kernel": sum(sums["races"].values()),
        "warnings": sums["warnings"],
        "pages leaked": sum(sums["leaks"].values()),
        "guests with a failure": sums["failed"]}


def table(sums):
    """The sums, a column for each profile."""
    columns = [cells(each) for each in sums.values()]
    return rst.table([["what", *sums]] + [
        [name, *(f"{column[name]:,}" for column in columns)]
        for name in (columns[0] if columns else ())])


def write(rows):
    """Write the sums into the documentation."""
    sums = by_profile(rows)
    record = {"revision": run.revision(), "profiles": sums}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    rst.replace(TEXT, table(sums))
