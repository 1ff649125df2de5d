# SPDX-License-Identifier: GPL-2.0
"""The kselftests: build them, and run them one by one in a guest."""

import functools
import os
import subprocess

from mof import cross
from mof.build import BUILD, LINUX, logged, make, objdir, profile

SELFTESTS = "tools/testing/selftests/mof"
BINARIES = BUILD / "selftests"
BEGIN, END = "##begin", "##end"
# Programs that move pages by windows, and do not set the size
WINDOWED = ("mof_beside", "mof_cached", "mof_cgroup", "mof_failure", "mof_file",
            "mof_folio", "mof_kinds", "mof_policy", "mof_special", "mof_split",
            "mof_swap", "mof_thp", "mof_touch", "mof_uffd", "mof_vma",
            "mof_window")


def where(kernel="guest"):
    """The directory of the programs for a kernel."""
    return cross.BINARIES if profile(kernel).arch.cross else BINARIES


@functools.cache
def compiled(kernel):
    """Compile them against the headers of a kernel; returns their names."""
    target = where(kernel)
    more = cross.variables() if profile(kernel).arch.cross else []
    logged("headers", "headers.log", make(kernel, "headers"))
    target.mkdir(parents=True, exist_ok=True)
    command = ["make", f"-j{os.cpu_count()}", "-C", LINUX / SELFTESTS,
               f"OUTPUT={target}",
               f"KHDR_INCLUDES=-isystem {objdir(kernel)}/usr/include", *more]
    logged("selftests", "selftests.log", command)
    listing = subprocess.run([*command, "-s", "emit_tests"], check=False,
                             capture_output=True, text=True).stdout
    return [name.split(":")[1] for name in listing.split() if ":" in name]


def build(kernel="guest"):
    """Compile the programs for a kernel, once for each architecture."""
    return compiled("arm64" if profile(kernel).arch.cross else "guest")


def listed(name):
    """The names of a program's tests, from its table of fixture (20 columns),
    variant (25), test."""
    done = subprocess.run([BINARIES / name, "-l"], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    lines = [line.rstrip() for line in done.stderr.splitlines()[1:]]
    return {line.split()[-1] for line in lines if len(line) > 46
            and not line.startswith("-")}


def script(names, kernel="guest", options="", first=False):
    """Run programs one by one, with marks in output and kernel log; first: none
    after a failure, be it of KUnit at boot."""
    lines = [f"cd {where(kernel)}"]
    if first:
        lines.append("dmesg | grep -q '] *not ok ' && exit 0")
    for name in names:
        lines += [f"echo '{BEGIN} {name}'; echo 'test {name}' > /dev/kmsg",
                  f"./{name} {options} 2>&1; status=$?",
                  f"echo \"{END} {name} $status\""]
        if first:
            lines.append("[ $status = 0 ] || [ $status = 4 ] || exit 0")
    return "\n".join(lines)
