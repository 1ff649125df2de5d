# SPDX-License-Identifier: GPL-2.0
"""What a soak does: parts, each a guest, of phases, each a program."""

import itertools
import random
from dataclasses import asdict, dataclass

from mof.selftest import BINARIES

PROFILES = ("debug", "kcsan")
FUZZ_PROFILE = "guest"
PART = 8                                 # minutes, at most
FUZZ_PART = 20000                        # programs, at most
WARM = 10                                # seconds of the phase before the others
# A guest may be as much slower than planned, to clean up, boot and look for
# leaks
SLOW, BOOT = 2, 900
# mof_fuzz numbers its programs from its seed on
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
        """For the guest."""
        return [asdict(phase) for phase in self.phases]


def phase(program, seconds, balancing, inject, seed, programs=None):
    """A phase for some seconds, or of so many programs."""
    command = [str(BINARIES / program), "--seed", str(seed)]
    if programs:
        command += ["--programs", str(programs), "--seconds", "0"]
    elif program == "mof_fuzz":
        command += ["--programs", str(SEEDS), "--seconds", str(seconds)]
    else:
        command += ["--seconds", str(seconds)]
    return Phase(program, command, seconds, balancing, inject, seed)


def warm(seed):
    """What takes all that is taken once."""
    return phase("mof_stress", WARM, 0, False, seed)


def soak_part(profile, minutes, seed):
    """Both programs, with the automatic mode and without, and the same with
    faults."""
    draw = random.Random(seed)
    kinds = list(itertools.product(("mof_stress", "mof_fuzz"), (0, 4),
                                   (False, True)))
    draw.shuffle(kinds)
    seconds = max(5, round(60 * minutes / len(kinds)))
    return Part(profile, seed, [warm(seed)] + [
        phase(program, seconds, balancing, inject, draw.randrange(SEEDS))
        for program, balancing, inject in kinds])


def soak(minutes, seed, profiles=PROFILES):
    """Parts of PART minutes at most, the profiles by turns."""
    count = max(1, -(-minutes // (PART * len(profiles))))
    each = minutes / len(profiles) / count
    return [soak_part(profile, each, seed + 2 * number + at)
            for number in range(count)
            for at, profile in enumerate(profiles)]


def fuzz(first, programs):
    """Parts that run so many programs, from number first on."""
    parts = []
    for start in range(first, first + programs, FUZZ_PART):
        nr = min(FUZZ_PART, first + programs - start)
        parts.append(Part(FUZZ_PROFILE, start, [
            warm(start), phase("mof_fuzz", nr, 0, False, start, nr)]))
    return parts
