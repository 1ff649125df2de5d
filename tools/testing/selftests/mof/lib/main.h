/* SPDX-License-Identifier: GPL-2.0 */
/*
 * To be included at the end of each test program: main(), and tests that run
 * after all others.
 */
FIXTURE(end)
{
	struct stats now;
};

FIXTURE_SETUP(end)
{
	ASSERT_EQ(0, stats_read(&self->now));
}

FIXTURE_TEARDOWN(end)
{
}

TEST_F(end, nothing_stays_isolated)
{
	/* Below 0, a counter reads as 0, but this says so in the kernel log. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	EXPECT_EQ(0, stats_isolated(&self->now));
	EXPECT_EQ(0, self->now.v[NR_ISOLATED_ANON]);
	EXPECT_EQ(0, self->now.v[NR_ISOLATED_FILE]);
}

TEST_F(end, counters_since_boot_reconcile)
{
	EXPECT_EQ(0, stats_unreconciled(&self->now));
	EXPECT_LE(self->now.v[MOF_MIGRATED_THP], self->now.v[MOF_MIGRATED]);
	EXPECT_LE(self->now.v[MOF_WINDOWED], self->now.v[MOF_MIGRATED]);
}

TEST_HARNESS_MAIN
