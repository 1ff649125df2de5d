# SPDX-License-Identifier: GPL-2.0
"""Kernels for real machines: find a machine's config, enable migrate-on-fault
in it, and build an image or Debian packages."""

import gzip
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from mof.build import (BUILD, LINUX, PRISTINE, REPO, Failure, captured, logged,
                       make_in, say)
from mof.source import dotted, version

# The package linux-config-6.12
DEBIAN = Path("/usr/src/linux-config-6.12/config.amd64_none_amd64.xz")
SUFFIX = "-mof"
OPTION = "MIGRATE_ON_FAULT"
NEEDED = ("64BIT", "NUMA_BALANCING", "MIGRATION")
# Debian's keys are not in its source package; the build generates one
KEYS = {"MODULE_SIG_KEY": "certs/signing_key.pem", "SYSTEM_TRUSTED_KEYS": "",
        "SYSTEM_REVOCATION_KEYS": ""}
OUT = BUILD / "package"
TREE = OUT / "linux"
PROGRAMS = {"dpkg-buildpackage": "dpkg-dev", "dh_prep": "debhelper"}


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


def tree():
    """A source tree without symbolic links into this repository, since the
    package of headers would contain these. Unpatched files are hard links."""
    OUT.mkdir(parents=True, exist_ok=True)
    logged("copy build/linux", "package-tree.log",
           ["rsync", "-ai", "--delete", "--copy-unsafe-links",
            "--exclude=/.pc", f"--link-dest={PRISTINE}", f"{LINUX}/", TREE])
    return TREE


def objdir(source):
    """A directory for each config, so that builds stay incremental."""
    path = source.resolve()
    name = re.sub(r"[^\w.-]", "", path.parent.name + "-" + path.name)
    return OUT / "O" / (name.strip(".-") + "-"
                        + hashlib.sha256(bytes(path)).hexdigest()[:8])


def command(where, objects):
    """make with ccache, also for the host: packaging compares the compilers
    of host and kernel."""
    words = make_in(where, objects)
    return words + ["HOSTCC=ccache gcc"] if "CC=ccache gcc" in words else words


def configure(source):
    """Make a .config from the config source; returns its O= directory, and the
    command that runs make there. An unchanged result keeps its time stamp."""
    text = read(source)
    where, objects = tree(), objdir(source)
    make = command(where, objects)
    objects.mkdir(parents=True, exist_ok=True)
    path = objects / ".config"
    old = path.read_bytes() if path.exists() else None
    stat = path.stat() if old is not None else None
    path.write_text(text)
    edit(where / "scripts/config", path, text)
    status, output = captured(*make, "olddefconfig")
    if status:
        raise Failure(f"make olddefconfig fails with {source}:\n{output}")
    verify(path, source)
    if path.read_bytes() == old:
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    say(f"  config: {source}")
    return objects, make


def kernel(source):
    """Build an image with that config."""
    objects, make = configure(source)
    logged("kernel", "package-kernel.log", [*make, "bzImage"],
           count=lambda line: line.startswith("  "))
    image = objects / "arch/x86/boot/bzImage"
    say(f"  {image.relative_to(REPO)}: {image.stat().st_size >> 10} KiB")


def packages(source, place=OUT):
    """Build packages of image and headers in place; returns their paths and
    the version."""
    missing = [package for program, package in PROGRAMS.items()
               if not shutil.which(program)]
    if missing:
        raise Failure("missing packages: " + " ".join(missing)
                      + "; run 'make deps' as root")
    objects, make = configure(source)
    # Remove those of the last build
    for old in objects.parent.glob("*"):
        if old.is_file():
            old.unlink()
    shutil.rmtree(objects / "debian", ignore_errors=True)
    # apt takes a later version for an upgrade
    revision = dotted(version(TREE)) + time.strftime("-%Y%m%d%H%M",
                                                     time.gmtime())
    # Without debug symbols of all modules, tens of gigabytes
    logged("packages", "package-deb.log",
           ["env", "KDEB_CHANGELOG_DIST=unstable",
            f"KDEB_PKGVERSION={revision}",
            "DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg",
            *make, "bindeb-pkg"],
           count=lambda line: line.startswith("  "))
    release = (objects / "include/config/kernel.release").read_text().strip()
    made = sorted(path for path in objects.parent.glob("*.deb")
                  if path.name.startswith(("linux-image-", "linux-headers-")))
    if len(made) != 2:
        raise Failure(f"expected two packages in {objects.parent}, found "
                      + " ".join(path.name for path in made))
    place.mkdir(exist_ok=True)
    final = [path.replace(place / path.name) for path in made]
    tell(final, release)
    return final, release


def tell(made, release):
    """Print the packages, and the commands to install and to remove them."""
    for path in made:
        field = subprocess.run(["dpkg-deb", "-f", path, "Version"], text=True,
                               capture_output=True, check=True).stdout.strip()
        say(f"  {path.relative_to(REPO)}: {field}, "
            f"{path.stat().st_size / 1e6:.1f} MB")
    say(f"  to install {release}, as root: apt-get install ./"
        + " ./".join(str(path.relative_to(REPO)) for path in made))
    say("  to go back: boot the old kernel, then apt-get purge "
        f"linux-image-{release} linux-headers-{release}")
