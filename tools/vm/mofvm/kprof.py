# SPDX-License-Identifier: GPL-2.0
"""Instruction profiles of guests: sums by function."""

import bisect
import collections
from pathlib import Path

KERNEL_SPACE = 0xFFFF800000000000
OUTSIDE = "[user space, firmware]"


class ProfileError(Exception):
    """A profile that cannot be used; the text says why."""


class Symbols:
    """The functions of a kernel, from its System.map."""

    def __init__(self, text):
        found = []
        for line in text.splitlines():
            address, kind, name = line.split()[:3]
            if kind in "tTwW":
                found.append((int(address, 16), name))
        found.sort()
        self.addresses = [address for address, _ in found]
        self.names = [name for _, name in found]

    def name(self, address):
        """The function at an address; of aliases, always the same one."""
        if address < KERNEL_SPACE or not self.addresses:
            return OUTSIDE
        place = bisect.bisect(self.addresses, address) - 1
        return self.names[place] if place >= 0 else OUTSIDE


def sections(text, symbols):
    """Instructions by function, for each section of the plugin's output."""
    found = [collections.Counter()]
    for line in text.splitlines():
        if line == "end":
            found.append(collections.Counter())
            continue
        address, count = line.split()
        found[-1][symbols.name(int(address, 16))] += int(count)
    if found.pop() or not found:
        raise ProfileError("the profile is not complete: did QEMU end well?")
    return found


def load(path, system_map):
    """The sections of a profile, from files."""
    try:
        symbols = Symbols(Path(system_map).read_text())
        return sections(Path(path).read_text(), symbols)
    except OSError as error:
        raise ProfileError(str(error)) from None
    except ValueError as error:
        raise ProfileError(f"{path}: {error}") from None


def select(word, system_map):
    """A profile: FILE is the sum of all sections, FILE:2 is one of them."""
    path, _, number = word.rpartition(":")
    if not path or not number.isdigit():
        return sum(load(word, system_map), collections.Counter())
    found = load(path, system_map)
    if int(number) >= len(found):
        raise ProfileError(f"{path} has the sections 0 to {len(found) - 1}")
    return found[int(number)]


def per_unit(profile, baseline=None, units=1):
    """(function, instructions per unit), sorted; with a baseline, the
    difference, which may be negative."""
    if units <= 0:
        raise ProfileError(f"cannot divide by {units:g}")
    difference = collections.Counter(profile)
    difference.subtract(baseline or {})
    rows = [(name, count / units) for name, count in difference.items()
            if count]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def table(rows, lines=40):
    """Text: the sum, the largest functions, and the sum of the others."""
    total = sum(value for _, value in rows)
    text = [f"{total:14.1f}  total"]
    text += [f"{value:14.1f}  {name}" for name, value in rows[:lines]]
    if rows[lines:]:
        rest = sum(value for _, value in rows[lines:])
        text.append(f"{rest:14.1f}  [{len(rows) - lines} others]")
    return "\n".join(text)
