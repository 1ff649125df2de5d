# SPDX-License-Identifier: GPL-2.0
"""The overlay as a series of patches against the unpatched kernel, by the
files in patches/upstream/.

Each file NN-* there is a patch: subject, blank line, body, a line "---", and
its contents, one per line: a file of the overlay, a directory with a trailing
slash, or a quilt patch as "patches/NAME". Shell wildcards are allowed. The
cover letter has places for sections of documents and figures of records.
"""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import tempfile
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from mof.bench.record import NO_TARGET, reached
from mof.build import BUILD, PRISTINE, REPO, Failure, captured
from mof.source import PATCHES, dotted, ours, series, touched, version

DIRECTORY = PATCHES / "upstream"
# Lists the files that are not part of the series
NOT_SENT = "not-sent"
OUT = BUILD / "series" / "patches"
MAN_PAGES = "man-pages.diff"
# Each object in this Makefile is added by the patch with its source
STAGED = Path("mm/mof/Makefile")
# The sender becomes the maintainer
MAINTAINERS = Path("MAINTAINERS")
SECTION = "\nMIGRATE ON FAULT\n"
PLACE = re.compile(r"^@(section|figures) (\S+?)(?:, (.*))?@$", re.M)
WIDTH = 46


@dataclass
class Part:
    """A patch of the series, or the files that are not sent."""
    name: str
    message: str
    patterns: list
    files: list = field(default_factory=list)   # of the overlay
    hooks: list = field(default_factory=list)   # quilt patches, by name

    def takes(self, path):
        """The patterns that name path."""
        return [pattern for pattern in self.patterns
                if (path.startswith(pattern) if pattern.endswith("/")
                    else fnmatch.fnmatchcase(path, pattern))]


def listed(text):
    """Lines without comments and empty ones."""
    return [line.strip() for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


def parts():
    """The patches in order, and last the files that are not sent."""
    found = []
    for path in sorted(DIRECTORY.glob("[0-9][0-9]-*")):
        message, line, patterns = path.read_text().partition("\n---\n")
        if not line or not message.strip():
            raise Failure(f"{path.name}: needs a message, a line '---', and "
                          "its files")
        found.append(Part(path.name, message.strip() + "\n",
                          listed(patterns)))
    if not found:
        raise Failure(f"no patches in {DIRECTORY}")
    return [*found, Part(NOT_SENT, NOT_SENT + "\n",
                         listed((DIRECTORY / NOT_SENT).read_text()))]


def assign(found, paths):
    """Give each path to the part that names it; returns errors."""
    wrong, used = [], set()
    for path in paths:
        takers = [part for part in found if part.takes(path)]
        used |= {(part.name, pattern) for part in takers
                 for pattern in part.takes(path)}
        if not takers:
            wrong.append(f"{path}: in no patch of the series: name it in one "
                         f"of patches/upstream/, or in {NOT_SENT} there")
        elif len(takers) > 1:
            wrong.append(f"{path}: in several patches of the series: "
                         + ", ".join(part.name for part in takers))
        elif path.startswith("patches/"):
            takers[0].hooks.append(path.removeprefix("patches/"))
        else:
            takers[0].files.append(path)
    wrong += [f"patches/upstream/{part.name}: no file is '{pattern}': "
              "remove the line" for part in found
              for pattern in part.patterns if (part.name, pattern) not in used]
    return wrong


def read():
    """The parts with their files and hooks, and a list of errors."""
    found = parts()
    paths = sorted(ours()) + [f"patches/{name}" for name in series()]
    return found, assign(found, paths)


def patches():
    """The patches of the series; Failure if the manifest has errors."""
    found, wrong = read()
    if wrong:
        raise Failure("\n".join(wrong))
    return [part for part in found if part.name != NOT_SENT]


def section(file, title):
    """The text below a heading of a document, up to the next heading."""
    text = (REPO / file).read_text()
    heading = re.compile(rf"^{re.escape(title)}\n(=+|-+|~+)\n", re.M)
    begin = heading.search(text)
    if not begin:
        raise Failure(f"{file} has no section '{title}', which the cover "
                      "letter quotes")
    rest = text[begin.end():]
    following = re.search(r"^\S.*\n([=~-])\1{2,}\n(?=\n)", rest, re.M)
    return rest[:following.start() if following else None].strip()


def figure(name, row):
    """A line of the table."""
    value, target = row["value"], row["target"]
    text = "never" if value is None else f"{value:.4g} {row['unit']}"
    line = f"{name:{WIDTH}} {text.strip():>9}"
    if target != NO_TARGET:
        line += f"  {target}"
    if not reached(value, target):
        line += ", missed"
    return line


def figures(file):
    """The rows of a record as a table."""
    record = json.loads((REPO / file).read_text())
    lines = [figure(name, row) for rows in record["rows"].values()
             for name, row in rows.items()]
    if not lines:
        raise Failure(f"{file} has no rows, which the cover letter quotes")
    return "\n".join([f"{'':{WIDTH}} {'measured':>9}  target", *lines])


def filled(text, release):
    """Fill the places of the text."""
    def fill(place):
        kind, file, title = place.groups()
        return section(file, title) if kind == "section" else figures(file)
    text = PLACE.sub(fill, text.replace("@kernel@", release))
    left = re.findall(r"^@.*@$", text, re.M)
    if left:
        raise Failure(f"patches/upstream/cover: cannot fill {left[0]}")
    return text


def fill(letter, text, release):
    """Put our subject and text into git's cover letter."""
    subject, _, body = filled(text, release).partition("\n")
    # The statistics name the new files already
    letter = re.sub(r"^ create mode .*\n", "", letter, flags=re.M)
    # Wrapped as by git
    subject = textwrap.fill(subject, 60, subsequent_indent=" ")
    return letter.replace("*** SUBJECT HERE ***", subject).replace(
        "*** BLURB HERE ***", body.strip())


def output(*command):
    """The output of a command; nothing if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if not done.returncode else ""


def sender():
    """(name, address) of git's user."""
    ident = output("git", "-C", REPO, "-c", "user.useConfigOnly=true", "var",
                   "GIT_AUTHOR_IDENT")
    if not ident:
        raise Failure("git does not know who you are, and patches need an "
                      "author: git config --global user.name 'Your Name'; "
                      "git config --global user.email you@example.org")
    name, _, rest = ident.rpartition(" <")
    return name, rest.split(">")[0]


class Repository:
    """git's data is outside the tree, so that nothing is added to it."""

    def __init__(self, gitdir, tree, who):
        self.gitdir = gitdir
        self.tree = tree
        name, address = who
        date = output("git", "-C", REPO, "log", "-1", "--format=%cI")
        self.environment = dict(
            os.environ, GIT_DIR=str(gitdir), GIT_WORK_TREE=str(tree),
            GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1",
            LC_ALL="C", GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=address,
            GIT_COMMITTER_NAME=name, GIT_COMMITTER_EMAIL=address)
        if date:
            self.environment |= {"GIT_AUTHOR_DATE": date,
                                 "GIT_COMMITTER_DATE": date}

    def git(self, *arguments, check=True, **options):
        """Run git in the tree; with check, its errors are a Failure."""
        done = subprocess.run(
            ["git", *map(str, arguments)], cwd=self.tree, text=True,
            env=self.environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False, **options)
        if check and done.returncode:
            raise Failure(f"git {arguments[0]}: {done.stdout.strip()}")
        return done

    def start(self, files, message):
        """Create a repository with those of the files that exist, and no
        others of the tree."""
        shutil.rmtree(self.gitdir, ignore_errors=True)
        self.git("init", "-q")
        there = [file for file in sorted(files) if (self.tree / file).exists()]
        self.git("add", "-f", "--", *there)
        self.git("commit", "-q", "-m", message)
        self.git("tag", "base")

    def commit(self, message, files):
        """Commit files, signed off."""
        self.git("add", "-f", "-A", "--", *sorted(files))
        self.git("commit", "-q", "-s", "-F", "-", input=message)


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


def put(tree, part, who):
    """Add a part's files and hooks to the tree; returns the changed files."""
    for name in part.hooks:
        status, text = captured("patch", "-f", "-s", "-p1", "--fuzz=0",
                                "--no-backup-if-mismatch", "-i",
                                PATCHES / name, cwd=tree)
        if status:
            raise Failure(f"patches/{name} does not apply in the order of "
                          f"patches/upstream/:\n{text}")
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


def write(found, who):
    """Write the patches of the parts found, the cover letter, and the patch
    for the man pages to OUT. Returns the names of the patches."""
    release = dotted(version(PRISTINE))
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=OUT, prefix=".tmp.") as name:
        tree = Path(name) / "linux"
        tree.mkdir()
        repository = Repository(Path(name) / "git", tree, who)
        repository.start(copy_pristine(tree), f"Linux {release}")
        for part in found:
            repository.commit(part.message, put(tree, part, who))
        repository.git("format-patch", "-q", "--cover-letter", "-o", OUT,
                       "base..HEAD")
    letter = OUT / "0000-cover-letter.patch"
    letter.write_text(fill(letter.read_text(),
                           (DIRECTORY / "cover").read_text(), release))
    shutil.copy(DIRECTORY / MAN_PAGES, OUT)
    return sorted(path.name for path in OUT.glob("*.patch")
                  if path != letter)
