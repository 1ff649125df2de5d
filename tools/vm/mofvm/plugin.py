# SPDX-License-Identifier: GPL-2.0
"""Our plugins of QEMU: compile them when needed, and load them."""

import subprocess

from . import guest

SOURCE = guest.REPO / "tools" / "vm" / "plugins"
PLACE = guest.BUILD / "plugins"


def built(name):
    """The path of a plugin or program, up to date."""
    target = PLACE / name
    try:
        done = subprocess.run(
            ["make", "-s", "-C", SOURCE, f"O={PLACE}", target],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
    except OSError:
        raise guest.CannotStart("make is not installed: "
                                "run 'make deps' as root") from None
    if done.returncode:
        raise guest.CannotStart(f"{name} does not compile (if gcc is not "
                                "installed: run 'make deps' as root):\n"
                                f"{done.stdout}")
    return target


def arguments(option, library, out, *more):
    """QEMU's arguments for a plugin that writes the file out."""
    path = out.resolve()
    if "," in str(path):
        raise guest.CannotStart(f"{option} {out}: QEMU takes no comma in it")
    if not path.parent.is_dir():
        raise guest.CannotStart(f"{option} {out}: no such directory")
    return ["-plugin", ",".join([str(library), f"out={path}", *more])]
