# SPDX-License-Identifier: GPL-2.0
"""Warnings of checkpatch that we accept, with the reasons."""

# Types that do not apply to our patches
COMMON = {
    "FILE_PATH_CHANGES": "the entry in MAINTAINERS is a patch of its own",
    "UNCOMMENTED_DEFINITION": "'spinlock_t *ptl' in a function is a pointer",
}
# Also for files of this repository and for patches/, but not for the series
IGNORED = COMMON | {
    "MISSING_SIGN_OFF": "the patches are part of this repository's commits",
    "COMMIT_MESSAGE": "a patch by area, explained in its header",
    "DIFF_IN_COMMIT_MSG": "quilt puts no line between header and diff",
    "NOT_UNIFIED_DIFF": "the header of a quilt patch has no author lines",
}
# For single files
LISTS = "a list for the preprocessor: the argument is a macro"
BPFTRACE = "checkpatch wants it after '#', which is no comment in bpftrace"
SCRIPT = "checkpatch knows no scripts for bpftrace"
EVENTS = "the layout of TRACE_EVENT()"
EXCUSED = {
    "include/linux/mof_events.h": {
        "COMPLEX_MACRO": LISTS, "MACRO_ARG_REUSE": LISTS,
        "MACRO_ARG_UNUSED": LISTS},
    "mm/mof/points.c": {
        "MACRO_ARG_UNUSED": LISTS},
    "mm/mof/points.h": {
        "COMPLEX_MACRO": LISTS, "MACRO_ARG_REUSE": LISTS,
        "MACRO_ARG_UNUSED": LISTS},
    "include/trace/events/mof.h": {
        "OPEN_ENDED_LINE": EVENTS, "PARENTHESIS_ALIGNMENT": EVENTS,
        "SPACING": EVENTS, "MACRO_ARG_UNUSED": LISTS,
        "TRAILING_SEMICOLON": LISTS},
    "tools/numa-bench/next-touch/openmp.c": {
        "SPACING": "a clause of OpenMP is no expression"},
    "tools/numa-bench/bpftrace/mof-pages.bt": {
        "SPDX_LICENSE_TAG": BPFTRACE, "EXECUTE_PERMISSIONS": SCRIPT},
    "tools/numa-bench/bpftrace/mof-wait.bt": {
        "SPDX_LICENSE_TAG": BPFTRACE, "EXECUTE_PERMISSIONS": SCRIPT},
    "tools/numa-bench/tests/cli.sh": {
        "REPEATED_WORD": "'split split' is a command's argument"},
    "tools/numa-bench/tests/numa.sh": {
        "LONG_LINE_STRING": "a condition of the test, in one piece"},
}
