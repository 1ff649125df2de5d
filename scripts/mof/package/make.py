# SPDX-License-Identifier: GPL-2.0
"""Build kernels and Debian packages from a config."""

import hashlib
import re
import shutil
import subprocess
import time

from mof.build import (BUILD, LINUX, PRISTINE, REPO, Failure, logged, make_in,
                      say)
from mof.source import dotted, version

from . import config

OUT = BUILD / "package"
TREE = OUT / "linux"
PROGRAMS = {"dpkg-buildpackage": "dpkg-dev", "dh_prep": "debhelper"}


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


def kernel(source):
    """An image with that config; returns its path."""
    where, objects = tree(), objdir(source)
    config.write(source, where, objects, command(where, objects))
    logged("kernel", "package-kernel.log",
           [*command(where, objects), "bzImage"],
           count=lambda line: line.startswith("  "))
    image = objects / "arch/x86/boot/bzImage"
    say(f"  {image.relative_to(REPO)}: {image.stat().st_size >> 10} KiB")
    return image


def release_of(objects):
    """The output of uname -r."""
    return (objects / "include/config/kernel.release").read_text().strip()


def revision(where):
    """A version for the packages; apt takes a later one for an upgrade."""
    return dotted(version(where)) + time.strftime("-%Y%m%d%H%M", time.gmtime())


def fresh(objects):
    """Remove the packages of the last build."""
    for old in objects.parent.glob("*"):
        if old.is_file():
            old.unlink()
    shutil.rmtree(objects / "debian", ignore_errors=True)


def packages(source, place=OUT):
    """Build packages of image and headers in place; returns their paths and
    the version."""
    missing = [package for program, package in PROGRAMS.items()
               if not shutil.which(program)]
    if missing:
        raise Failure("missing packages: " + " ".join(missing)
                      + "; run 'make deps' as root")
    where, objects = tree(), objdir(source)
    config.write(source, where, objects, command(where, objects))
    fresh(objects)
    # Without debug symbols of all modules, tens of gigabytes
    logged("packages", "package-deb.log",
           ["env", "KDEB_CHANGELOG_DIST=unstable",
            f"KDEB_PKGVERSION={revision(where)}",
            "DEB_BUILD_PROFILES=pkg.linux-upstream.nokerneldbg",
            *command(where, objects), "bindeb-pkg"],
           count=lambda line: line.startswith("  "))
    release = release_of(objects)
    made = sorted(path for path in objects.parent.glob("*.deb")
                  if path.name.startswith(("linux-image-", "linux-headers-")))
    if len(made) != 2:
        raise Failure(f"expected two packages in {objects.parent}, found "
                      + " ".join(path.name for path in made))
    place.mkdir(exist_ok=True)
    final = [path.replace(place / path.name) for path in made]
    tell(final, release)
    return final, release


def size(path):
    """The size as apt prints it."""
    return f"{path.stat().st_size / 1e6:.1f} MB"


def tell(made, release):
    """Print the packages, and the commands to install and to remove them."""
    for path in made:
        field = subprocess.run(["dpkg-deb", "-f", path, "Version"], text=True,
                               capture_output=True, check=True).stdout.strip()
        say(f"  {path.relative_to(REPO)}: {field}, {size(path)}")
    say(f"  to install {release}, as root: apt-get install ./"
        + " ./".join(str(path.relative_to(REPO)) for path in made))
    say("  to go back: boot the old kernel, then apt-get purge "
        f"linux-image-{release} linux-headers-{release}")
