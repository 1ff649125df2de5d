# SPDX-License-Identifier: GPL-2.0
"""patches/upstream/: the patches of the series with their files and hooks.

Each file NN-* there is a patch: subject, blank line, body, a line "---", and
its contents, one per line: a file of the overlay, a directory with a trailing
slash, or a quilt patch as "patches/NAME". Shell wildcards are allowed.
"""

import fnmatch
from dataclasses import dataclass, field

from mof.build import Failure
from mof.source import PATCHES, ours, series

DIRECTORY = PATCHES / "upstream"
# Lists the files that are not part of the series
NOT_SENT = "not-sent"


@dataclass
class Part:
    """A patch of the series, or the files that are not sent."""
    name: str
    message: str
    patterns: list
    files: list = field(default_factory=list)   # of the overlay
    hooks: list = field(default_factory=list)   # quilt patches, by name

    @property
    def subject(self):
        """First line of the message."""
        return self.message.splitlines()[0]

    def takes(self, path):
        """The patterns that name path."""
        return [pattern for pattern in self.patterns
                if (path.startswith(pattern) if pattern.endswith("/")
                    else fnmatch.fnmatchcase(path, pattern))]


def listed(text):
    """Lines without comments and empty ones."""
    return [line.strip() for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


def parts(directory=DIRECTORY):
    """The patches in order, and last the files that are not sent."""
    found = []
    for path in sorted(directory.glob("[0-9][0-9]-*")):
        message, line, patterns = path.read_text().partition("\n---\n")
        if not line or not message.strip():
            raise Failure(f"{path.name}: needs a message, a line '---', and "
                          "its files")
        found.append(Part(path.name, message.strip() + "\n",
                          listed(patterns)))
    if not found:
        raise Failure(f"no patches in {directory}")
    return [*found, Part(NOT_SENT, NOT_SENT + "\n",
                         listed((directory / NOT_SENT).read_text()))]


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
