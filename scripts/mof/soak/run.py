# SPDX-License-Identifier: GPL-2.0
"""Boot the guest of a part, and sum up what it has left."""

import collections
import hashlib
import json
import re
import shutil
import sys
from pathlib import Path

from mof.build import BUILD, LOGS, REPO, watch

sys.path.insert(0, str(REPO / "tools" / "vm"))

from mofvm import kcsan
from mofvm.console import Verdict

VM = REPO / "tools" / "vm" / "mof-vm"
DRIVER = Path(__file__).resolve().parent / "guest.py"
PLACE = BUILD / "soak"
# What is soaked: a change of it makes earlier runs those of something else
CODE = ("mm/mof", "kernel/sched/mof.c", "kernel/sched/mof.h", "include",
        "patches", "kernel/configs")
# Of the stock kernel, without any call of ours as well: if slabs for nodes of a
# tree cannot be had, those above stay, and swapoff(2) finds them
ALLOWED = "at .*/swap_state.c:.* exit_swap_address_space"
SUMS = ("operations", "bytes_verified", "programs", "pages_compared")


def revision():
    """Changes with the code that is soaked."""
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
    return [VM, "--profile", part.profile, "--topology", "2x2",
            "--timeout", part.timeout, "--share", PLACE / "share",
            "--allow-warnings", ALLOWED,
            "--log", log, "--", "/usr/bin/python3", DRIVER,
            json.dumps(part.as_json())]


def left():
    """What the guest's driver has left, if anything."""
    try:
        return json.loads((PLACE / "share" / "result.json").read_text())
    except (FileNotFoundError, ValueError):
        return {"phases": [], "leaks": {}, "injected": {}}


def summed(phases):
    """What all phases have done."""
    total = collections.Counter()
    for phase in phases:
        for name in SUMS:
            total[name] += phase["said"].get(name, 0)
        total.update(phase["counted"])
        total["seconds"] += phase["plan"]["seconds"]
    return dict(total)


def wrong(status, found):
    """What is to be told: nothing, if all is well."""
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
        problems.append("the guest came not to its end")
    return problems


def row(part, status, found, console):
    """The part as it is kept."""
    verdict = Verdict(console, re.compile(ALLOWED))
    races = kcsan.races(console.replace("\r", "").splitlines())
    return {"profile": part.profile, "seed": part.seed,
            "revision": revision(), "status": status,
            "warnings": len(verdict.warnings), "leaks": found["leaks"],
            "problems": wrong(status, found), "injected": found["injected"],
            "done": summed(found["phases"]),
            "races": dict(kcsan.by_pair(
                race for race in races if not race.ours))}


def run(part):
    """Boot; returns the row."""
    shutil.rmtree(PLACE / "share", ignore_errors=True)
    (PLACE / "share").mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    name = f"soak-{part.profile}-{part.seed}"
    console = LOGS / f"{name}-console.log"
    status = watch(f"{part.profile} {part.seed}", command(part, console),
                   LOGS / f"{name}.log")
    text = console.read_text(errors="replace") if console.exists() else ""
    return row(part, status, left(), text)
