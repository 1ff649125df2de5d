# SPDX-License-Identifier: GPL-2.0
"""Package a small modular kernel, unpack the packages, and boot the kernel
with an initramfs from their files."""

import gzip
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

from mof import package, tap
from mof.build import LOGS, REPO, VM, Failure, captured, make_in, objdir

PROFILE = "packaged"
ROOT = package.OUT / "root"
MODULE = package.OUT / "module"
INITRD = package.OUT / "initrd"
SELFTEST = "mof_flags"
MARK = "mof_outside: struct mm_struct has"
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


def contents(out, release):
    """Check the files of the packages."""
    problems = [name for name in (f"boot/vmlinuz-{release}",
                                  f"boot/System.map-{release}",
                                  f"lib/modules/{release}/modules.dep")
                if not (ROOT / name).is_file()]
    out.test("the image has kernel, symbols and modules", "\n".join(problems))
    text = (ROOT / f"boot/config-{release}").read_text()
    out.test("its config has the option",
             "" if package.value(text, package.OPTION) == "y" else "it is off")
    headers = ROOT / f"usr/src/linux-headers-{release}"
    links = [str(path) for path in headers.rglob("*")
             if path.is_symlink() and not path.exists()]
    out.test("no file of the headers is a dangling link", "\n".join(links))


def module(out, release):
    """Build a module with only the headers."""
    shutil.rmtree(MODULE, ignore_errors=True)
    shutil.copytree(REPO / "scripts/tests/module", MODULE)
    status, text = captured(
        "make", "-C", ROOT / f"usr/src/linux-headers-{release}",
        f"M={MODULE}", "modules")
    out.test("a module builds with the headers", text if status else "")


def booted(out, release):
    """Boot the package's kernel with the initramfs, and check the guest's
    output."""
    script = f"""
        echo "release $(uname -r)"
        echo "loaded $(cut -d ' ' -f 1 /proc/modules | sort | tr '\\n' ' ')"
        insmod {MODULE}/mof_outside.ko && dmesg | grep '{MARK}'
        {REPO}/build/selftests/{SELFTEST}"""
    status, text = captured(
        VM, "--kernel", ROOT / f"boot/vmlinuz-{release}", "--initrd", INITRD,
        "--topology", "2x2", "--timeout", 300,
        "--log", LOGS / "package-console.log", "--", "sh", "-c", script)
    out.test("the kernel boots by its initramfs", text if status else "")
    out.test("it is the one of the package",
             "" if f"release {release}\n" in text else text)
    loaded = re.search(r"^loaded (.*)$", text, re.M)
    missing = set(MODULES) - set(loaded[1].split() if loaded else ())
    out.test("its modules are loaded", " ".join(missing))
    out.test("the module from outside loads", "" if MARK in text else text)
    results = tap.parse(text)
    bad = [result.name for result in results if result.verdict == tap.FAIL]
    passed = [result for result in results if result.verdict == tap.PASS]
    out.test(f"{SELFTEST} passes on it",
             "\n".join(bad) if passed else "no result:\n" + text)


def build():
    """Build packages and initramfs; returns the release."""
    subprocess.run([REPO / "scripts/kernel", "--config-only", PROFILE],
                   check=True)
    config = objdir(PROFILE) / ".config"
    made, release = package.packages(config, package.OUT / "trial")
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    for path in made:
        subprocess.run(["dpkg-deb", "-x", path, ROOT], check=True)
    # A part of the build that is in no package
    objects = package.objdir(config)
    subprocess.run([*make_in(package.TREE, objects), "-s",
                    "usr/gen_init_cpio"], check=False)
    if not BUSYBOX.exists():
        raise Failure("no busybox: run 'make deps' as root")
    names = INITRD.with_suffix(".list")
    names.write_text(listing(ROOT, release))
    packed = subprocess.run([objects / "usr/gen_init_cpio", names], check=True,
                            capture_output=True)
    INITRD.write_bytes(gzip.compress(packed.stdout, 1))
    return release


def trial():
    """All tests, in order; writes TAP."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    out = tap.Writer()
    try:
        with redirect_stdout(sys.stderr):
            release = build()
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        out.test("packages", str(failure))
        return out.done()
    out.test("packages")
    contents(out, release)
    module(out, release)
    booted(out, release)
    return out.done()
