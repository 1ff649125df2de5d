/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fixtures for all test programs. Each test is a process of its own. Its parent
 * tears down, so that even a test that crashes leaves nothing behind.
 */
#ifndef _MOF_TEST_H
#define _MOF_TEST_H

#include "../../kselftest_harness.h"
#include "util.h"

/* Seconds per test: enough for a debug kernel on an emulated machine. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

/* SKIP() after checks: keep the result if one of them has failed. */
#define SKIP_UNLESS_FAILED(statement, fmt, ...) do { \
	if (_metadata->exit_code != KSFT_FAIL) \
		SKIP(break, fmt, ##__VA_ARGS__); \
	statement; \
} while (0)

#define SKIP_IF(statement, why) do { \
	const char *_why = (why); \
	if (_why) \
		SKIP(statement, "%s", _why); \
} while (0)

/* After pin_pages(): skip without io_uring, fail on other errors. */
#define SKIP_UNLESS_PINNED(statement, pins) do { \
	int _pins = (pins); \
	if (_pins == -EOPNOTSUPP) \
		SKIP(statement, "kernel without io_uring"); \
	ASSERT_LE(0, _pins); \
} while (0)

/*
 * In FIXTURE_SETUP(): skip the test if there is a reason. The harness calls no
 * teardown then, so this restores the machine.
 */
#define SKIP_SETUP(statement, machine, why) do { \
	const char *_reason = (why); \
	if (_reason) \
		machine_restore(machine); \
	SKIP_IF(statement, _reason); \
} while (0)

/*
 * Tests of calls without the flag, which must pass on any kernel. They run before
 * those of fixture lazy, with the hooks off.
 */
FIXTURE(stock)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(stock)
{
	SKIP_SETUP(return, &self->m, machine_setup(&self->m));
	ASSERT_EQ(0, area_begin(&self->a, AREA_PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(stock)
{
	machine_restore(&self->m);
}

/* Tests of MPOL_MF_LAZY: an area of base pages on m.from, counters read. */
FIXTURE(lazy)
{
	struct machine m;
	struct area a;
	struct stats before;
	struct stats d;
};

FIXTURE_SETUP(lazy)
{
	SKIP_SETUP(return, &self->m, machine_setup_lazy(&self->m));
	ASSERT_EQ(0, area_begin(&self->a, AREA_PAGES, &self->m, &self->before));
}

FIXTURE_TEARDOWN_PARENT(lazy)
{
	machine_restore(&self->m);
}

#endif /* _MOF_TEST_H */
