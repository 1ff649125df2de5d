# SPDX-License-Identifier: GPL-2.0
"""Files for arm64 guests, unpacked from Debian packages."""

import shutil
import tempfile

from mof import debian
from mof.build import BUILD, Failure, logged

ROOT = BUILD / "arm64" / "root"
BINARIES = BUILD / "arm64" / "selftests"
LIBRARIES = BUILD / "arm64" / "lib"
# For guest-init, and to compile and run the selftests
PACKAGES = ("bash", "coreutils", "dash", "findutils", "gawk", "grep", "gzip",
            "hostname", "iproute2", "kmod", "libc6-dev", "libnuma-dev",
            "liburing-dev", "mount", "numactl", "procps", "sed", "util-linux")


def root():
    """The guest's root directory, unpacked once. The packages are not
    configured, since their scripts cannot run here."""
    stamp = ROOT.with_name("packages")
    wanted = " ".join(PACKAGES)
    if stamp.exists() and stamp.read_text() == wanted:
        return ROOT
    if not shutil.which("mmdebstrap"):
        raise Failure("no mmdebstrap: run 'make deps' as root")
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    mirrors = [path for path in debian.sources() if path.read_text().strip()]
    # The user of the sandbox must be able to enter the working directory
    with tempfile.TemporaryDirectory() as directory:
        logged("unpack Debian for arm64", "arm64-root.log",
               ["mmdebstrap", "--variant=extract", "--architectures=arm64",
                "--include=" + ",".join(PACKAGES), "bookworm", ROOT, *mirrors],
               cwd=directory)
    stamp.write_text(wanted)
    return ROOT


def libraries():
    """A directory with the libraries of the selftests other than libc. The
    guest's libc.so is a linker script with paths in the guest; the compiler
    brings its own."""
    LIBRARIES.mkdir(parents=True, exist_ok=True)
    there = root() / "usr/lib/aarch64-linux-gnu"
    for path in (*there.glob("libnuma.*"), *there.glob("liburing.*")):
        link = LIBRARIES / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(path)
    return LIBRARIES


def variables():
    """Variables of make to compile the selftests."""
    return ["ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-",
            f"USERCFLAGS=-idirafter {root()}/usr/include",
            f"USERLDFLAGS=-L{libraries()}"]
