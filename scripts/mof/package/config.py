# SPDX-License-Identifier: GPL-2.0
"""Find a machine's kernel config, and enable migrate-on-fault in it."""

import gzip
import lzma
import os
import re
import subprocess
from pathlib import Path

from mof.build import Failure, captured, say

# The package linux-config-6.12
DEBIAN = Path("/usr/src/linux-config-6.12/config.amd64_none_amd64.xz")
SUFFIX = "-mof"
OPTION = "MIGRATE_ON_FAULT"
NEEDED = ("64BIT", "NUMA_BALANCING", "MIGRATION")
# Debian's keys are not in its source package; the build generates one
KEYS = {"MODULE_SIG_KEY": "certs/signing_key.pem", "SYSTEM_TRUSTED_KEYS": "",
        "SYSTEM_REVOCATION_KEYS": ""}


def default():
    """The config of the running kernel, or else Debian's."""
    running = os.uname()
    candidates = [Path(f"/boot/config-{running.release}"),
                  Path("/proc/config.gz"), DEBIAN]
    if running.machine != "x86_64":
        del candidates[:2]
    for path in candidates:
        if path.exists():
            return path
    raise Failure("found no config of this machine's kernel: give "
                  "KCONFIG=FILE, or install linux-config-6.12")


def read(path):
    """The text of a config, compressed or not."""
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            text = file.read()
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise Failure(f"cannot read the config {path}: {error}") from None
    if not re.search(r"^CONFIG_\w+=", text, re.M):
        raise Failure(f"{path} is no kernel config: it sets no option")
    return text


def value(text, option):
    """The value of an option, without quotes; None if it is not set."""
    match = re.search(rf"^CONFIG_{option}=\"?(.*?)\"?$", text, re.M)
    return match[1] if match else None


def edit(tool, path, text):
    """Change the config in path, with this text, by the kernel's own tool."""
    local = value(text, "LOCALVERSION") or ""
    if not local.endswith(SUFFIX):
        local += SUFFIX
    command = [tool, "--file", path, "--enable", OPTION,
               "--set-str", "LOCALVERSION", local,
               "--disable", "LOCALVERSION_AUTO"]
    for option, new in KEYS.items():
        if value(text, option):
            command += ["--set-str", option, new]
    subprocess.run(command, check=True)


def verify(path, source):
    """Fail with the reason if the option was lost."""
    text = path.read_text()
    if value(text, OPTION) == "y":
        return
    lost = [option for option in NEEDED if value(text, option) != "y"]
    if not lost:
        lost = ["NR_CPUS above 4"]
    raise Failure(f"{OPTION} cannot be enabled in {source}: it needs "
                  + ", ".join(lost))


def write(source, tree, objdir, make):
    """Make objdir/.config from the config source, for the kernel in tree.

    make: the command that runs make there. An unchanged result keeps its time
    stamp.
    """
    text = read(source)
    objdir.mkdir(parents=True, exist_ok=True)
    path = objdir / ".config"
    old = path.read_bytes() if path.exists() else None
    stat = path.stat() if old is not None else None
    path.write_text(text)
    edit(tree / "scripts/config", path, text)
    status, output = captured(*make, "olddefconfig")
    if status:
        raise Failure(f"make olddefconfig fails with {source}:\n{output}")
    verify(path, source)
    if path.read_bytes() == old:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    say(f"  config: {source}")
