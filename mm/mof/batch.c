// SPDX-License-Identifier: GPL-2.0
/*
 * Migrate-on-fault: takes the folios of a run off the LRU lists and puts what
 * replaces them there, with one lock and one update of each statistic for all
 * that share an lruvec. See Documentation/mm/mof.rst.
 */
#include <linux/memcontrol.h>
#include <linux/mm_inline.h>
#include <linux/vmstat.h>

#include "../internal.h"
#include "mof.h"

/**
 * struct mof_tally - changes of statistics that have not been booked yet
 * @lruvec: whose, with its lock held; NULL if there is none yet
 * @lru: the list
 * @zid: the zone on its node
 * @listed: pages more (less, if negative) on that list
 * @mapped: the same of mapped anonymous pages
 */
struct mof_tally {
	struct lruvec *lruvec;
	enum lru_list lru;
	enum zone_type zid;
	int listed;
	int mapped;
};

static void mof_tally_book(struct mof_tally *t)
{
	if (t->listed)
		update_lru_size(t->lruvec, t->lru, t->zid, t->listed);
	if (t->mapped)
		__mod_lruvec_state(t->lruvec, NR_ANON_MAPPED, t->mapped);
	t->listed = 0;
	t->mapped = 0;
}

static void mof_tally_end(struct mof_tally *t)
{
	if (!t->lruvec)
		return;
	mof_tally_book(t);
	unlock_page_lruvec_irq(t->lruvec);
	t->lruvec = NULL;
}

/* Inlined, as these two are half of what a folio costs here. */

/* Lock the lruvec of @folio, if it is not locked already. */
static __always_inline void mof_tally_lock(struct mof_tally *t, struct folio *folio)
{
	if (t->lruvec && !folio_matches_lruvec(folio, t->lruvec))
		mof_tally_end(t);
	if (!t->lruvec)
		t->lruvec = folio_lruvec_lock_irq(folio);
}

/* Count @nr pages on (or off) the list of @folio. */
static __always_inline void mof_tally_list(struct mof_tally *t,
					   struct folio *folio, int nr)
{
	enum zone_type zid = folio_zonenum(folio);
	enum lru_list lru = folio_lru_list(folio);

	if (t->listed && (t->lru != lru || t->zid != zid))
		mof_tally_book(t);
	t->lru = lru;
	t->zid = zid;
	t->listed += nr;
}

/**
 * mof_batch_del() - take folios off the LRU lists
 * @folios: mapped anonymous folios of one page each that are on a list, locked,
 *	    with a frozen reference count, not unevictable
 * @nr: how many
 *
 * lruvec_del_folio() for many, that also counts them as no longer mapped: the
 * caller takes their mappings away.
 *
 * Context: page table lock held; takes lruvec locks.
 */
void mof_batch_del(struct folio **folios, unsigned int nr)
{
	struct mof_tally t = {};
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		mof_tally_lock(&t, folio);
		folio_clear_lru(folio);
		t.mapped--;
		if (lru_gen_del_folio(t.lruvec, folio, false))
			continue;
		list_del(&folio->lru);
		mof_tally_list(&t, folio, -1);
	}
	mof_tally_end(&t);
}

/**
 * mof_batch_add() - put folios on the LRU lists
 * @folios: anonymous folios of one page each that are on no list, locked and
 *	    charged, not unevictable
 * @nr: how many
 *
 * The opposite of mof_batch_del(), directly instead of through the CPU's batch:
 * so they can be isolated at once. The caller maps them; for one that it does
 * not, it corrects NR_ANON_MAPPED.
 *
 * Context: no page table lock; takes lruvec locks.
 */
void mof_batch_add(struct folio **folios, unsigned int nr)
{
	struct mof_tally t = {};
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		mof_tally_lock(&t, folio);
		folio_set_lru(folio);
		t.mapped++;
		if (lru_gen_add_folio(t.lruvec, folio, false))
			continue;
		mof_tally_list(&t, folio, 1);
		list_add(&folio->lru, &t.lruvec->lists[t.lru]);
	}
	mof_tally_end(&t);
}
