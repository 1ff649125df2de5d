# SPDX-License-Identifier: GPL-2.0
"""Soaks: the plan, the guests, and the sums of their results.

A soak has parts, each a guest, which have phases, each a program.
"""

import collections
import hashlib
import itertools
import json
import random
import shutil
from dataclasses import dataclass

from mof import rst
from mof.build import BUILD, LOGS, REPO, VM, Failure, watch
from mof.selftest import BINARIES

PROFILES = ("kasan", "kcsan")
FUZZ_PROFILE = "guest"
PART = 8                                 # minutes, at most
FUZZ_PART = 20000                        # programs, at most
WARM = 10                                # seconds of the first phase
# The time limit of a guest: so many times the phases, and some seconds to boot
# and to look for leaks
SLOW, BOOT = 2, 900
# mof_fuzz uses consecutive seeds for its programs
SEEDS = 1 << 32
PLACE = BUILD / "soak"
SHARE = PLACE / "share"
VERDICT = PLACE / "verdict.json"
# Results of other versions of this code do not count
CODE = ("mm/mof", "kernel/sched/mof.c", "kernel/sched/mof.h", "include",
        "patches", "kernel/configs")
# The stock kernel warns as well: if the XArray cannot allocate nodes to delete
# an entry, the upper ones stay, and swapoff(2) finds them
ALLOWED = "at .*/swap_state.c:.* exit_swap_address_space"
STATE = PLACE / "state.json"
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


@dataclass
class Part:
    """One guest."""
    profile: str
    seed: int
    phases: list


def phase(program, seconds, balancing, inject, seed, programs=None):
    """A phase of some seconds, or of a number of programs."""
    command = [str(BINARIES / program), "--seed", str(seed)]
    if programs:
        command += ["--programs", str(programs), "--seconds", "0"]
    elif program == "mof_fuzz":
        command += ["--programs", str(SEEDS), "--seconds", str(seconds)]
    else:
        command += ["--seconds", str(seconds)]
    return {"program": program, "command": command, "seconds": seconds,
            "balancing": balancing, "inject": inject, "seed": seed}


def warm(seed):
    """A short phase that makes all permanent allocations."""
    return phase("mof_stress", WARM, 0, False, seed)


def soak_part(profile, minutes, seed):
    """Both programs, with and without the automatic mode, each with and
    without faults."""
    draw = random.Random(seed)
    kinds = list(itertools.product(("mof_stress", "mof_fuzz"), (0, 4),
                                   (False, True)))
    draw.shuffle(kinds)
    seconds = max(5, round(60 * minutes / len(kinds)))
    return Part(profile, seed, [warm(seed)] + [
        phase(program, seconds, balancing, inject, draw.randrange(SEEDS))
        for program, balancing, inject in kinds])


def soak_parts(minutes, seed, profiles=PROFILES):
    """Parts of PART minutes at most, alternating the profiles."""
    count = max(1, -(-minutes // (PART * len(profiles))))
    each = minutes / len(profiles) / count
    return [soak_part(profile, each, seed + 2 * number + at)
            for number in range(count)
            for at, profile in enumerate(profiles)]


def fuzz_parts(first, programs):
    """Parts that run a number of programs, from seed first on."""
    parts = []
    for start in range(first, first + programs, FUZZ_PART):
        nr = min(FUZZ_PART, first + programs - start)
        parts.append(Part(FUZZ_PROFILE, start, [
            warm(start), phase("mof_fuzz", nr, 0, False, start, nr)]))
    return parts


def revision():
    """A hash of the code under test."""
    total = hashlib.sha256()
    for name in CODE:
        path = REPO / name
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in (".c", ".h", ".patch", ".config") \
                    and "tests" not in file.parts:
                total.update(file.read_bytes())
    return total.hexdigest()[:12]


def command(part, log):
    """mof-vm with the driver."""
    timeout = SLOW * sum(phase["seconds"] for phase in part.phases) + BOOT
    return [VM, "--profile", part.profile, "--topology", "2x2",
            "--timeout", timeout, "--share", SHARE,
            "--allow-warnings", ALLOWED, "--verdict", VERDICT,
            "--log", log, "--cwd", REPO / "scripts", "--",
            "/usr/bin/python3", "-B", "-m", "mof.soak_guest",
            json.dumps(part.phases)]


def read(path, default):
    """A file of JSON; the default if it is missing or incomplete."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return default


def summed(phases):
    """The sums over all phases."""
    total = collections.Counter()
    for phase in phases:
        total.update(phase["said"])
        total.update(phase["counted"])
        total["seconds"] += phase["plan"]["seconds"]
    return dict(total)


def wrong(status, found):
    """The problems of a guest, a line each."""
    problems = [f"{phase['plan']['program']}: {line}"
                for phase in found["phases"]
                for line in phase["failed"] or [f"status {phase['status']}"]
                if phase["status"]]
    problems += [f"{pages} pages leaked: {kind}"
                 for kind, pages in found["leaks"].items()]
    if any(phase["plan"]["inject"] for phase in found["phases"]) \
            and not any(found["injected"].values()):
        problems.append("no fault was injected")
    if status and not problems:
        problems.append(f"guest: status {status}")
    if not found.get("complete"):
        problems.append("the guest did not finish")
    return problems


def run(part):
    """Boot; returns the row of the part."""
    shutil.rmtree(SHARE, ignore_errors=True)
    SHARE.mkdir(parents=True)
    VERDICT.unlink(missing_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    name = f"soak-{part.profile}-{part.seed}"
    status = watch(f"{part.profile} {part.seed}",
                   command(part, LOGS / f"{name}-console.log"),
                   LOGS / f"{name}.log")
    found = read(SHARE / "result.json",
                 {"phases": [], "leaks": {}, "injected": {}})
    verdict = read(VERDICT, {"warnings": [], "races": {}})
    return {"profile": part.profile, "seed": part.seed,
            "revision": revision(), "status": status,
            "warnings": len(verdict["warnings"]), "leaks": found["leaks"],
            "problems": wrong(status, found), "injected": found["injected"],
            "done": summed(found["phases"]), "races": verdict["races"]}


def load(path=STATE):
    """The parts of the present code; others do not count."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())["parts"]
    except ValueError as error:
        raise Failure(f"{path}: {error}") from None
    now = revision()
    return [row for row in rows if row["revision"] == now]


def save(rows, path=STATE):
    """A line for each part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n ".join(json.dumps(row) for row in rows)
    path.write_text('{"parts": [\n ' + lines + "\n]}\n")


def total(rows):
    """The sum of some parts."""
    sums = {}
    for name in ("done", "injected", "leaks", "races"):
        sums[name] = collections.Counter()
        for row in rows:
            sums[name].update(row[name])
    return {"guests": len(rows), **sums,
            "races": dict(sums["races"].most_common()),
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
    record = {"revision": revision(), "profiles": sums}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    rst.replace(TEXT, table(sums))
