# SPDX-License-Identifier: GPL-2.0
"""Compare the constants in contrib/syzkaller/ with the kernel's headers.

syzkaller reads values from a file beside the description. Compile the same
names with the headers that the description includes, so that a renamed flag or
a changed value is found.
"""

import os
import re
import subprocess
import tempfile
from pathlib import Path

from mof.build import REPO, Failure

DIRECTORY = REPO / "contrib" / "syzkaller"
# Types are lower case; names of files are in strings
NAME = re.compile(r"\b(?:[A-Z]+[A-Z0-9]*_[A-Z0-9_]+)\b")
CALL = re.compile(r"^([a-z]\w*)(?:\$\w+)?\(")


def constants(text):
    """The names whose values a description needs, sorted."""
    found = set()
    for line in text.splitlines():
        if line.startswith(("#", "include")):
            continue
        call = CALL.match(line)
        if call:
            found.add("__NR_" + call[1])
        found |= set(NAME.findall(re.sub(r'"[^"]*"', "", line)))
    return sorted(found)


def listed(text):
    """{name: value} of a file of constants."""
    pairs = (line.split(" = ") for line in text.splitlines()
             if " = " in line and not line.startswith(("#", "arches")))
    return {name: int(value, 0) for name, value in pairs}


def compiled(text, names, headers):
    """{name: value} of the headers."""
    source = [f"#include {header}" for header in
              re.findall(r"^include (<\S+>)$", text, re.M)]
    source += [f"#define {name} ({value})" for name, value in
               re.findall(r"^define\s+(\S+)\s+(.+)$", text, re.M)]
    source += ["#include <stdio.h>", "int main(void)", "{"]
    source += [f'\tprintf("{name} = %llu\\n", (unsigned long long)({name}));'
               for name in names]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "constants.c"
        path.write_text("\n".join([*source, "}", ""]))
        done = subprocess.run(
            [os.environ.get("CC", "cc"), "-isystem", headers, "-o",
             path.with_suffix(""), path], capture_output=True, text=True,
            check=False)
        if done.returncode:
            raise Failure(done.stderr)
        return listed(subprocess.run(
            [path.with_suffix("")], capture_output=True, text=True,
            check=True).stdout)


def undefined(text):
    """Groups and resources that are used but not defined."""
    used = set(re.findall(r"\bflags\[(\w+)", text))
    used |= set(re.findall(r"\b(fd_\w+)\b", text))
    defined = set(re.findall(r"^(\w+) = ", text, re.M))
    defined |= set(re.findall(r"^resource (\w+)\[", text, re.M))
    return sorted(used - defined)


def wrong(description, headers):
    """Errors of a description and its constants, a line each; headers are
    those that the patched kernel installs."""
    text = description.read_text()
    names = constants(text)
    have = listed(description.with_name(description.name + ".const")
                  .read_text())
    want = compiled(text, names, headers)
    found = [f"{name} is not defined" for name in undefined(text)]
    found += [f"{name} is {want[name]}, not {have.get(name, 'listed')}"
              for name in names if have.get(name) != want[name]]
    return found + [f"{name} is not used" for name in sorted(have)
                    if name not in names]
