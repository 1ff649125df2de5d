# SPDX-License-Identifier: GPL-2.0
"""Our plugins of QEMU: compile them when needed, and load them."""

import os
import shutil
import subprocess

from . import guest

SOURCE = guest.REPO / "tools" / "numa-bench" / "plugin"


def newest(sources):
    """The last change of a source, or of a header beside one."""
    places = {SOURCE, *(path.parent for path in sources)}
    headers = (path for place in places for path in place.glob("*.h"))
    return max(path.stat().st_mtime for path in (*sources, *headers))


def compiled(target, sources, *options):
    """The program target, compiled again if a source is newer."""
    if target.exists() and target.stat().st_mtime >= newest(sources):
        return target
    if not shutil.which("gcc"):
        raise guest.CannotStart("gcc is not installed: run 'make deps' as root")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}")
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", temporary,
         *sources, *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    if done.returncode:
        raise guest.CannotStart(f"{target.name} does not compile:\n"
                                f"{done.stdout}")
    temporary.rename(target)
    return target


def shared(target, sources, *options):
    """A plugin for QEMU."""
    return compiled(target, sources, "-shared", "-fPIC", *options)


def arguments(option, library, out, *more):
    """QEMU's arguments for a plugin that writes the file out."""
    path = out.resolve()
    if "," in str(path):
        raise guest.CannotStart(f"{option} {out}: QEMU takes no comma in it")
    if not path.parent.is_dir():
        raise guest.CannotStart(f"{option} {out}: no such directory")
    return ["-plugin", ",".join([str(library), f"out={path}", *more])]
