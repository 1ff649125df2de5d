# SPDX-License-Identifier: GPL-2.0
"""Boot the guest of a part, and sum up its results."""

import collections
import hashlib
import json
import shutil

from mof.build import BUILD, LOGS, REPO, VM, watch

PLACE = BUILD / "soak"
SHARE = PLACE / "share"
VERDICT = PLACE / "verdict.json"
# Results of other versions of this code do not count
CODE = ("mm/mof", "kernel/sched/mof.c", "kernel/sched/mof.h", "include",
        "patches", "kernel/configs")
# The stock kernel warns as well: if the XArray cannot allocate nodes to delete
# an entry, the upper ones stay, and swapoff(2) finds them
ALLOWED = "at .*/swap_state.c:.* exit_swap_address_space"
SUMS = ("operations", "bytes_verified", "programs", "pages_compared")


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
    return [VM, "--profile", part.profile, "--topology", "2x2",
            "--timeout", part.timeout, "--share", SHARE,
            "--allow-warnings", ALLOWED, "--verdict", VERDICT,
            "--log", log, "--cwd", REPO / "scripts", "--",
            "/usr/bin/python3", "-B", "-m", "mof.soak.guest",
            part.as_json()]


def load(path, default):
    """A file of JSON; the default if it is missing or incomplete."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return default


def summed(phases):
    """The sums over all phases."""
    total = collections.Counter()
    for phase in phases:
        for name in SUMS:
            total[name] += phase["said"].get(name, 0)
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
    found = load(SHARE / "result.json",
                 {"phases": [], "leaks": {}, "injected": {}})
    verdict = load(VERDICT, {"warnings": [], "races": {}})
    return {"profile": part.profile, "seed": part.seed,
            "revision": revision(), "status": status,
            "warnings": len(verdict["warnings"]), "leaks": found["leaks"],
            "problems": wrong(status, found), "injected": found["injected"],
            "done": summed(found["phases"]), "races": verdict["races"]}
