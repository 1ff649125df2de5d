# SPDX-License-Identifier: GPL-2.0
"""Source packages of the distribution; how apt is set up stays as it is."""

import re
from pathlib import Path

from mof.build import BUILD, logged

# A line of either format that apt has for where packages come from
SOURCE = re.compile(r"^((?:Types: )?deb)( .*|$)", re.M)
SOURCES = Path("/etc/apt")
OWN = BUILD / "apt"


def apt(*words):
    """apt-get with its lists, and the sources of packages, in build/."""
    for name in ("lists/partial", "cache", "parts"):
        (OWN / name).mkdir(parents=True, exist_ok=True)
    for path in (SOURCES / "sources.list",
                 *(SOURCES / "sources.list.d").iterdir()):
        if path.suffix in (".list", ".sources") and path.is_file():
            (OWN / "parts" / path.name).write_text(SOURCE.sub(
                r"\1-src\2", path.read_text()))
    return ["apt-get", "-q", "-o", "APT::Sandbox::User=root",
            "-o", "Dir::Etc::sourcelist=/dev/null",
            "-o", f"Dir::Etc::sourceparts={OWN}/parts",
            "-o", f"Dir::State::Lists={OWN}/lists",
            "-o", f"Dir::Cache={OWN}/cache", *words]


def download(package, place, log):
    """Have the files of the source package in place."""
    place.mkdir(parents=True, exist_ok=True)
    if not list(place.glob(f"{package}_*.dsc")):
        logged("apt lists", log, apt("update"))
        logged(package, log, apt("source", "--download-only", package),
               cwd=place)
