# SPDX-License-Identifier: GPL-2.0
"""The programs, and expected differences."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A row of the table."""
    name: str
    command: str                         # {mm}: see build.places()
    short: bool = False                  # seconds: part of "make test-all"
    timeout: int = 600                   # seconds of the guest


def mm(words, short=False, below=""):
    """A program of tools/testing/selftests/mm; below: a wrapper command."""
    return Program(f"mm: {words}", f"{below} {{mm}}/{words}", short)


def numactl(words, short=True):
    """A program or script of numactl's own tests."""
    return Program(f"numactl: {words}", f"{{numactl}}/test/{words}", short)


def stress(words, short=True, below=""):
    """A verifying stressor of stress-ng; below: a wrapper command."""
    return Program(f"stress-ng: {words}",
                   f"{below} stress-ng {words} --verify --timeout 4 -q", short)


PROGRAMS = (
    mm("cow"),
    mm("compaction_test"),
    mm("droppable"),
    mm("gup_longterm", short=True),
    mm("gup_test -u -m 8", short=True),
    mm("gup_test -a -m 8 -w", short=True),
    mm("gup_test -b -m 8 -w -S"),
    mm("gup_test -L -m 8 -T", short=True),
    mm("hmm-tests"),
    mm("khugepaged all:anon"),
    mm("khugepaged madvise:anon", short=True),
    mm("khugepaged all:shmem"),
    mm("ksm_functional_tests"),
    mm("ksm_tests -M -p 10", short=True),
    mm("ksm_tests -U", short=True),
    mm("ksm_tests -Z -p 10 -z 0"),
    mm("ksm_tests -Z -p 10 -z 1"),
    mm("ksm_tests -N -m 1", short=True),
    mm("ksm_tests -N -m 0", short=True),
    mm("madv_populate", short=True),
    mm("map_fixed_noreplace", short=True),
    mm("map_populate", short=True),
    mm("mdwe_test", short=True),
    mm("memfd_secret", short=True),
    mm("migration"),
    mm("mkdirty", short=True),
    mm("mlock-random-test", short=True),
    mm("mlock2-tests", short=True),
    mm("mrelease_test", short=True),
    mm("mremap_dontunmap", short=True),
    mm("mremap_test"),
    mm("mseal_test", short=True),
    mm("on-fault-limit", short=True),
    mm("pagemap_ioctl"),
    mm("soft-dirty"),
    # Address randomisation places its heap in the way one time in 130
    mm("split_huge_page_test", below="setarch -R"),
    mm("thuge-gen"),
    mm("transhuge-stress -d 10"),
    mm("uffd-stress anon 20 8"),
    mm("uffd-stress shmem 20 8"),
    mm("uffd-unit-tests"),
    Program("cgroup: test_memcontrol", "{cgroup}/test_memcontrol"),
    numactl("bind_range", short=False),
    numactl("checkaffinity", short=False),
    numactl("checktopology", short=False),
    numactl("distance"),
    numactl("mbind_mig_pages"),
    numactl("migrate_pages"),
    numactl("move_pages"),
    numactl("nodemap"),
    numactl("numademo", short=False),
    numactl("pagesize"),
    numactl("realloc_test"),
    numactl("regress", short=False),
    numactl("tbitmap"),
    numactl("tshared"),
    stress("--numa 2"),
    stress("--vm 2 --vm-bytes 32M"),
    stress("--mremap 2 --mremap-bytes 8M"),
    stress("--fork 2"),
    stress("--userfaultfd 2 --userfaultfd-bytes 4M"),
    # With this capability, it poisons pages, and is killed on access
    stress("--madvise 2", below="setpriv --bounding-set=-sys_admin"),
    stress("--migrate 2", short=False),
    stress("--mlock 2", short=False),
    stress("--pagemove 2", short=False),
    stress("--mmapfork 1", short=False),
    stress("--vm-rw 1 --vm-rw-bytes 16M", short=False),
    stress("--remap 1", short=False),
)

# Rows of compare.Explained
EXPLAINED = ()
