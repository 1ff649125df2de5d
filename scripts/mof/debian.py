# SPDX-License-Identifier: GPL-2.0
"""Source packages of the distribution, without a change to apt's setup."""

import re
from pathlib import Path

from mof.build import BUILD, logged

# A line in either of the formats of apt's sources
SOURCE = re.compile(r"^((?:Types: )?deb)( .*|$)", re.M)
OWN = BUILD / "apt"


def sources():
    """The files with apt's sources."""
    etc = Path("/etc/apt")
    return [path for path in (etc / "sources.list",
                              *sorted((etc / "sources.list.d").iterdir()))
            if path.suffix in (".list", ".sources") and path.is_file()]


def apt(*words):
    """apt-get with source packages enabled, and its lists in build/."""
    for name in ("lists/partial", "cache", "parts"):
        (OWN / name).mkdir(parents=True, exist_ok=True)
    for path in sources():
        (OWN / "parts" / path.name).write_text(
            SOURCE.sub(r"\1-src\2", path.read_text()))
    return ["apt-get", "-q", "-o", "APT::Sandbox::User=root",
            "-o", "Dir::Etc::sourcelist=/dev/null",
            "-o", f"Dir::Etc::sourceparts={OWN}/parts",
            "-o", f"Dir::State::Lists={OWN}/lists",
            "-o", f"Dir::Cache={OWN}/cache", *words]


def download(package, place, log):
    """Download the files of a source package."""
    place.mkdir(parents=True, exist_ok=True)
    if not list(place.glob(f"{package}_*.dsc")):
        logged("apt lists", log, apt("update"))
        logged(package, log, apt("source", "--download-only", package),
               cwd=place)
