# SPDX-License-Identifier: GPL-2.0
"""Package a small modular kernel, unpack the packages, and boot the kernel."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout

from mof import tap
from mof.build import (LOGS, REPO, VM, Failure, captured, make_in, objdir)

from . import config, initramfs, make

PROFILE = "packaged"
ROOT = make.OUT / "root"
MODULE = make.OUT / "module"
INITRD = make.OUT / "initrd"
SELFTEST = "mof_flags"
MARK = "mof_outside: struct mm_struct has"


def unpack(packages):
    """Unpack the files of the packages into a directory."""
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    for path in packages:
        subprocess.run(["dpkg-deb", "-x", path, ROOT], check=True)


def contents(out, release):
    """Check the files of the packages."""
    problems = [name for name in (f"boot/vmlinuz-{release}",
                                  f"boot/System.map-{release}",
                                  f"lib/modules/{release}/modules.dep")
                if not (ROOT / name).is_file()]
    out.test("the image has kernel, symbols and modules", "\n".join(problems))
    text = (ROOT / f"boot/config-{release}").read_text()
    out.test("its config has the option",
             "" if config.value(text, config.OPTION) == "y" else "it is off")
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


def script(release):
    """The guest's commands."""
    return f"""
        echo "release $(uname -r)"
        echo "loaded $(cut -d ' ' -f 1 /proc/modules | sort | tr '\\n' ' ')"
        insmod {MODULE}/mof_outside.ko && dmesg | grep '{MARK}'
        {REPO}/build/selftests/{SELFTEST}"""


def boot(release):
    """Boot the package's kernel with the initramfs; status and output."""
    return captured(VM, "--kernel", ROOT / f"boot/vmlinuz-{release}",
                    "--initrd", INITRD, "--topology", "2x2",
                    "--timeout", 300, "--log", LOGS / "package-console.log",
                    "--", "sh", "-c", script(release))


def booted(out, release):
    """Boot, and check the guest's output."""
    status, text = boot(release)
    out.test("the kernel boots by its initramfs", text if status else "")
    out.test("it is the one of the package",
             "" if f"release {release}\n" in text else text)
    loaded = re.search(r"^loaded (.*)$", text, re.M)
    missing = set(initramfs.MODULES) - set(loaded[1].split() if loaded else ())
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
    made, release = make.packages(objdir(PROFILE) / ".config",
                                  make.OUT / "trial")
    unpack(made)
    # A part of the build that is in no package
    objects = make.objdir(objdir(PROFILE) / ".config")
    subprocess.run([*make_in(make.TREE, objects), "-s", "usr/gen_init_cpio"],
                   check=False)
    initramfs.write(objects / "usr/gen_init_cpio", ROOT, release, INITRD)
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
