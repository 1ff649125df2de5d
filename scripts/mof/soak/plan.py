# SPDX-License-Identifier: GPL-2.0
"""The plan of a soak: parts, each a guest, of phases, each a program."""

import itertools
import json
import random
from dataclasses import asdict, dataclass

from mof.selftest import BINARIES

PROFILES = ("debug", "kcsan")
FUZZ_PROFILE = "guest"
PART = 8                                 # minutes, at most
FUZZ_PART = 20000                        # programs, at most
WARM = 10                                # seconds of the first phase
# The time limit of a guest: so many times the phases, and some seconds to boot
# and to look for leaks
SLOW, BOOT = 2, 900
# mof_fuzz uses consecutive seeds for its programs
SEEDS = 1 << 32


@dataclass
class Phase:
    """One program in a guest."""
    program: str
    command: list
    seconds: int
    balancing: int
    inject: bool
    seed: int


@dataclass
class Part:
    """One guest."""
    profile: str
    seed: int
    phases: list

    @property
    def timeout(self):
        """Seconds."""
        return SLOW * sum(phase.seconds for phase in self.phases) + BOOT

    def as_json(self):
        """The phases as JSON for the guest."""
        return json.dumps([asdict(phase) for phase in self.phases])


def phase(program, seconds, balancing, inject, seed, programs=None):
    """A phase of some seconds, or of a number of programs."""
    command = [str(BINARIES / program), "--seed", str(seed)]
    if programs:
        command += ["--programs", str(programs), "--seconds", "0"]
    elif program == "mof_fuzz":
        command += ["--programs", str(SEEDS), "--seconds", str(seconds)]
    else:
        command += ["--seconds", str(seconds)]
    return Phase(program, command, seconds, balancing, inject, seed)


def warm(seed):
    """A short phase that makes all permanent allocations."""
    return phase("mof_stress", WARM, 0, False, seed)


def soak_part(profile, minutes, seed):
    """Both programs, with and without the automatic mode, each with and
    without faults."""
    draw = random.Random(seed)
    kinds = list(itertools.product(("mof_stress", "mof_fuzz"), (0, 4),
                                   (False, True)))
    draw.shuffle(kinds)
    seconds = max(5, round(60 * minutes / len(kinds)))
    return Part(profile, seed, [warm(seed)] + [
        phase(program, seconds, balancing, inject, draw.randrange(SEEDS))
        for program, balancing, inject in kinds])


def soak(minutes, seed, profiles=PROFILES):
    """Parts of PART minutes at most, alternating the profiles."""
    count = max(1, -(-minutes // (PART * len(profiles))))
    each = minutes / len(profiles) / count
    return [soak_part(profile, each, seed + 2 * number + at)
            for number in range(count)
            for at, profile in enumerate(profiles)]


def fuzz(first, programs):
    """Parts that run a number of programs, from seed first on."""
    parts = []
    for start in range(first, first + programs, FUZZ_PART):
        nr = min(FUZZ_PART, first + programs - start)
        parts.append(Part(FUZZ_PROFILE, start, [
            warm(start), phase("mof_fuzz", nr, 0, False, start, nr)]))
    return parts
