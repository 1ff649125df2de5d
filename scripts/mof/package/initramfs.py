# SPDX-License-Identifier: GPL-2.0
"""An initramfs for the test guest, from the files of our package."""

import gzip
import subprocess
from pathlib import Path

from mof.build import Failure

BUSYBOX = Path("/bin/busybox")
INIT = Path(__file__).with_name("initramfs-init")
# Modules for the guest's root file system and console
MODULES = ("virtio_pci", "9pnet_virtio", "9p", "virtio_console")


def needed(modules):
    """Paths of MODULES and their dependencies in the directory modules, from
    its modules.dep."""
    depends = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, others = line.split(":")
        depends[Path(path).name.partition(".ko")[0]] = [path, *others.split()]
    missing = [name for name in MODULES if name not in depends]
    if missing:
        raise Failure(f"{modules}/modules.dep lacks " + " ".join(missing))
    return sorted({path for name in MODULES for path in depends[name]})


def listing(root, release):
    """Input of gen_init_cpio: directories, busybox, init, modules."""
    modules = root / "lib/modules" / release
    inside = Path("/lib/modules") / release
    files = {Path("/bin/busybox"): BUSYBOX, Path("/init"): INIT}
    for name in needed(modules) + ["modules.dep", "modules.alias",
                                   "modules.builtin"]:
        files[inside / name] = modules / name
    directories = {parent for path in files for parent in path.parents}
    directories |= {Path("/dev"), Path("/proc"), Path("/sys"), Path("/root")}
    lines = [f"dir {path} 0755 0 0" for path in sorted(directories)
             if path != Path("/")]
    lines += [f"file {path} {source} 0755 0 0"
              for path, source in files.items()]
    lines += ["slink /bin/sh busybox 0777 0 0",
              "nod /dev/console 0600 0 0 c 5 1"]
    return "\n".join(lines) + "\n"


def write(tool, root, release, target):
    """Pack target with the kernel's own gen_init_cpio."""
    if not BUSYBOX.exists():
        raise Failure("no busybox: run 'make deps' as root")
    names = target.with_suffix(".list")
    names.write_text(listing(root, release))
    packed = subprocess.run([tool, names], check=True, capture_output=True)
    target.write_bytes(gzip.compress(packed.stdout, 1))
