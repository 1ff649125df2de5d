# SPDX-License-Identifier: GPL-2.0
"""Compile third-party programs: of the unpatched kernel, and of numactl."""

import shutil
import subprocess
from pathlib import Path

from mof.build import BUILD, LOGS, PRISTINE, Failure, logged, objdir
from mof import debian

PLACE = BUILD / "outside"
TREE = PLACE / "linux"
SELFTESTS = Path("tools/testing/selftests")
OURS = ("mm", "cgroup")                  # copied, since compiled in place
NUMACTL = PLACE / "numactl"
# Sources of libnuma for tests that use its internals
INSIDE = {"node-parse": ["util.c"], "prefered": ["util.c"],
          "tbitmap": ["util.c"]}
# The tests expect these programs in the parent directory
INSTALLED = ("numactl", "numademo", "memhog", "migratepages", "migspeed")


def link_all(source, target, but=()):
    """Make links in target to the entries of source."""
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        link = target / entry.name
        if entry.name not in but and not link.is_symlink():
            link.symlink_to(entry)


def tree():
    """Make links to the unpatched tree, with copies of OURS to compile in."""
    path = Path()
    for part in SELFTESTS.parts:
        link_all(PRISTINE / path, TREE / path, but=(part,))
        path /= part
    link_all(PRISTINE / path, TREE / path, but=OURS)
    for name in OURS:
        shutil.copytree(PRISTINE / path / name, TREE / path / name,
                        dirs_exist_ok=True)


def kernel_selftests():
    """Compile those of mm and cgroup; one of mm lacks KSFT_SKIP."""
    tree()
    logged("headers", "outside-headers.log",
           ["make", "-C", PRISTINE, f"O={objdir('stock')}", "headers"])
    for name in OURS:
        place = TREE / SELFTESTS / name
        # Run by another make, the makefile leaves OUTPUT empty
        logged(f"selftests of {name}", f"outside-{name}.log",
               ["make", "-C", place, f"OUTPUT={place}",
                "EXTRA_CFLAGS=-DKSFT_SKIP=4",
                f"KHDR_INCLUDES=-isystem {objdir('stock')}/usr/include"])


def numactl_source():
    """Unpack the source package of the installed numactl."""
    found = sorted(PLACE.glob("numactl-*/test"))
    if not found:
        debian.download("numactl", PLACE, "outside-apt.log")
        for path in PLACE.glob("numactl_*.orig.tar.*"):
            subprocess.run(["tar", "-xf", path, "-C", PLACE], check=True)
        found = sorted(PLACE.glob("numactl-*/test"))
    if not found:
        raise Failure(f"{PLACE} has no tests of numactl's source package")
    return found[-1].parent


def numactl_tests():
    """Compile numactl's tests with the installed libnuma; those that numactl
    does not compile either may fail."""
    source = numactl_source()
    shutil.copytree(source / "test", NUMACTL / "test", dirs_exist_ok=True)
    with open(LOGS / "outside-numactl.log", "w", encoding="utf-8") as log:
        for path in sorted((source / "test").glob("*.c")):
            more = [source / name for name in INSIDE.get(path.stem, ())]
            subprocess.run(
                ["gcc", "-O2", "-w", "-D_GNU_SOURCE", f"-I{source}", path,
                 *more, "-lnuma", "-lm", "-o", NUMACTL / "test" / path.stem],
                stdout=log, stderr=log, check=False)
    for name in INSTALLED:
        link = NUMACTL / name
        if not link.is_symlink():
            link.symlink_to(shutil.which(name) or "/nonexistent")


def places():
    """The directories of the programs, by their names in table.py."""
    return {"mm": TREE / SELFTESTS / "mm",
            "cgroup": TREE / SELFTESTS / "cgroup", "numactl": NUMACTL}


def everything(programs):
    """Compile missing programs; returns {program: reason} of those that remain
    missing: only numactl's may, since its source may be unavailable."""
    PLACE.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    if not (TREE / SELFTESTS / "cgroup" / "test_memcontrol").exists():
        kernel_selftests()
    why = None
    if not (NUMACTL / "numactl").is_symlink():
        try:
            numactl_tests()
        except Failure as failure:
            why = str(failure).split("\n", maxsplit=1)[0]
    absent = {}
    for program in programs:
        words = program.command.format(**places()).split()
        path = next((word for word in words if word.startswith(str(PLACE))),
                    words[0])
        if not shutil.which(path):
            if not why or not path.startswith(str(NUMACTL)):
                raise Failure(f"{program.name}: no {path}, see "
                              "build/log/outside-*.log")
            absent[program.name] = why
    return absent
