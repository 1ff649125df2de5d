# SPDX-License-Identifier: GPL-2.0
"""The files and patches of this repository that go into a kernel tree."""

import re
import subprocess

from mof.build import REPO, Failure

PATCHES = REPO / "patches"
# Our directories whose files appear at the same path in the kernel tree
OVERLAY = ["include", "kernel", "mm", "Documentation",
           "tools/testing/selftests/mof", "tools/numa-bench"]
# Build products, for directories without git
GENERATED = (".o", ".so", ".d", ".pyc", "~", ".orig", ".rej")


def series():
    """Names of the patches, in order."""
    path = PATCHES / "series"
    if not path.exists():
        return []
    lines = (line.split("#")[0].split() for line in path.open())
    return [line[0] for line in lines if line]


def touched(names):
    """The kernel files that the patches in names change."""
    files = set()
    for name in names:
        path = PATCHES / name
        if not path.exists():
            raise Failure(f"patches/series names {name}, which does not exist")
        for line in path.open(errors="replace"):
            if line.startswith(("--- a/", "+++ b/")):
                files.add(line.split()[1][2:])
    return files


def files(*tops):
    """All our files, or those below the directories tops."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "--", *tops],
            cwd=REPO, check=True, capture_output=True, text=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        listing = subprocess.run(
            ["find", *(tops or ["."]), "-path", "./build", "-prune", "-o",
             "-type", "f", "-print"],
            cwd=REPO, check=False, capture_output=True, text=True).stdout
    found = (line.removeprefix("./") for line in listing.splitlines()
             if not line.endswith(GENERATED))
    return {file for file in found if (REPO / file).is_file()}


def ours():
    """Our files that go into the kernel tree."""
    return files(*OVERLAY)


def version(tree):
    """The version of a kernel tree, as (6, 12, 117), without EXTRAVERSION."""
    found = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL) *= *(\d+)$",
                            (tree / "Makefile").read_text(), re.M))
    if len(found) != 3:
        raise Failure(f"{tree.relative_to(REPO)}/Makefile names no version: "
                      "is this a kernel?")
    return tuple(map(int, found.values()))


def dotted(numbers):
    """A version as text."""
    return ".".join(map(str, numbers))


def tested():
    """The versions in patches/versions, sorted."""
    lines = (PATCHES / "versions").read_text().splitlines()
    return sorted(tuple(map(int, line.split("."))) for line in lines
                  if line and not line.startswith("#"))
