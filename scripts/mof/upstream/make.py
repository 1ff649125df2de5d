# SPDX-License-Identifier: GPL-2.0
"""Write the series: commits of overlay files and hooks, as patches."""

import re
import shutil
import tempfile
from pathlib import Path

from mof.build import BUILD, PRISTINE, REPO, Failure, captured
from mof.source import PATCHES, dotted, series, touched, version

from . import cover
from .manifest import DIRECTORY
from .repository import Repository

OUT = BUILD / "series" / "patches"
MAN_PAGES = "man-pages.diff"
# Each object in this Makefile is added by the patch with its source
STAGED = Path("mm/mof/Makefile")
# The sender becomes the maintainer
MAINTAINERS = Path("MAINTAINERS")
SECTION = "\nMIGRATE ON FAULT\n"


def staged(text, present):
    """A Makefile without the objects whose source is not present(); empty
    lines are removed."""
    lines = []
    for line in text.splitlines(True):
        names, sign, words = line.partition("=")
        objects = re.findall(r"\S+\.o\b", words)
        left = [name for name in objects if present(name[:-2] + ".c")]
        if len(left) < len(objects):
            line = f"{names}{sign} {' '.join(left)}\n" if left else ""
        lines.append(line)
    return "".join(lines)


def maintained(text, who):
    """MAINTAINERS with the sender in our section, if it has that."""
    name, address = who
    return text.replace(SECTION, f"{SECTION}M:\t{name} <{address}>\n")


def hook(tree, name):
    """Apply a quilt patch."""
    status, text = captured("patch", "-f", "-s", "-p1", "--fuzz=0",
                            "--no-backup-if-mismatch", "-i", PATCHES / name,
                            cwd=tree)
    if status:
        raise Failure(f"patches/{name} does not apply in the order of "
                      f"patches/upstream/:\n{text}")


def put(tree, part, who):
    """Add a part's files and hooks to the tree; returns the changed files."""
    for name in part.hooks:
        hook(tree, name)
    for file in part.files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPO / file, tree / file)
    changed = set(part.files) | touched(part.hooks)
    if (tree / STAGED).exists():
        text = staged((REPO / STAGED).read_text(),
                      lambda name: (tree / STAGED.parent / name).exists())
        (tree / STAGED).write_text(text)
        changed.add(str(STAGED))
    if str(MAINTAINERS) in changed:
        text = (tree / MAINTAINERS).read_text()
        (tree / MAINTAINERS).write_text(maintained(text, who))
    return changed


def copy_pristine(tree):
    """Copy the kernel's files that the hooks touch into an empty directory."""
    files = touched(series())
    for file in files:
        if (PRISTINE / file).exists():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PRISTINE / file, tree / file)
    return files


def write(parts, who, out=OUT):
    """Write the patches of parts, the cover letter, and the patch for the man
    pages to the directory out. Returns the names of the patches."""
    release = dotted(version(PRISTINE))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".tmp.") as name:
        tree = Path(name) / "linux"
        tree.mkdir()
        repository = Repository(Path(name) / "git", tree, who)
        repository.start(copy_pristine(tree), f"Linux {release}")
        for part in parts:
            repository.commit(part.message, put(tree, part, who))
        repository.git("format-patch", "-q", "--cover-letter", "-o", out,
                       "base..HEAD")
    letter = out / "0000-cover-letter.patch"
    letter.write_text(cover.fill(letter.read_text(),
                                 (DIRECTORY / "cover").read_text(), release))
    shutil.copy(DIRECTORY / MAN_PAGES, out)
    return sorted(path.name for path in out.glob("*.patch")
                  if path != letter)
