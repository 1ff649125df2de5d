# SPDX-License-Identifier: GPL-2.0
"""Small faults in the kernel code, to seed one at a time: do tests notice?"""

import os
from contextlib import contextmanager
from dataclasses import dataclass

from mof.build import LINUX, REPO, Failure


@dataclass(frozen=True)
class Fault:
    """A change of one file that makes it wrong."""
    name: str
    path: str
    old: str
    new: str

    def text(self):
        """The file with the fault."""
        text = (REPO / self.path).read_text()
        if text.count(self.old) != 1:
            raise Failure(f"{self.path}: \"{self.name}\" does not apply: "
                          f"update scripts/mof/faults.py")
        return text.replace(self.old, self.new)


@contextmanager
def seeded(fault):
    """Replace the link in the kernel tree by a file with the fault."""
    text, path = fault.text(), LINUX / fault.path
    link = path.readlink()
    path.unlink()
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()
        path.symlink_to(link)
        # make looks at the target: it must be newer than the faulty object
        os.utime(path)


FILES = {
    "mm/mof/fault.c": {
        "window one page too long":
            ("vmf->address + nr * PAGE_SIZE", "vmf->address + (nr + 1) * PAGE_SIZE"),
        "marked entries extend the run":
            ("!pte_protnone(pte) && !pte_special(pte)", "!pte_special(pte)"),
        "remembered run of another node":
            ("last->end == addr && last->nid == nid", "last->end == addr"),
        "hinting fault not counted":
            ("	mof_count(vma->vm_mm, NUMA_HINT_FAULTS, 1);\n", ""),
        "token survives a page in place":
            ("		/* One shot: see mof_forget_token(). */\n"
             "		folio_xchg_last_cpupid(folio, -1);\n"
             "		mof_map(w->vma", "		mof_map(w->vma"),
        "window maps pages with another target":
            ("		    !mof_same_target(w, addr, folio) ||\n", ""),
        "full target maps nothing":
            ("		w->end = mof_window_end(vmf, w->max);\n", ""),
        "entry that has changed is served":
            ("	if (!pte_same(ptep_get(vmf->pte), vmf->orig_pte))\n"
             "		return MOF_PATH_STOCK;\n", ""),
        "moved pages not counted":
            ("	mof_count(mm, NUMA_PAGE_MIGRATE, w->moved);\n", ""),
    },
    "mm/mof/stock.c": {
        "token of a page shared by fork is lost":
            ("	if (outcome == MOF_OUT_SHARED && !(vma->vm_flags & VM_SHARED))\n"
             "		return;\n", ""),
        "scheduler sees a token":
            ("			*last_cpupid = -1 & LAST_CPUPID_MASK;\n", ""),
        "shared page moves without MOVE_ALL":
            ("		outcome = mof_may_move(folio, last_cpupid);",
             "		outcome = MOF_OUT_TRYING;"),
        "THP comes back read-only":
            ("	writable = mof_all_writable(vma) && PageAnon(page) &&\n"
             "		   PageAnonExclusive(page);", "	writable = false;"),
        "THP marked again concurrently is mapped":
            ("	if (hinting && (!pmd_same(pmd, vmf->orig_pmd) ||\n"
             "			mof_has_token(page_folio(page))))\n"
             "		return;\n", ""),
        "busy THP is not tried again":
            ("	    mof_touch_again(folio, token)) {", "	    false) {"),
        "migrated THP not counted":
            ("		mof_count(mm, MOF_MIGRATED_THP, 1);", "		;"),
        "mark of a VMA without scanning taken for the scanner's":
            ("		return !vma_policy_mof(vma);", "		return false;"),
    },
    "mm/mof/direct.c": {
        "dirty bit lost":
            ("	if (pte_dirty(old) && !folio_test_dirty(folio))\n"
             "		folio_set_dirty(folio);\n", ""),
        "soft-dirty bit lost":
            ("		pte = pte_swp_mksoft_dirty(pte);", "		;"),
        "userfaultfd write protection lost":
            ("		pte = pte_swp_mkuffd_wp(pte);", "		;"),
        "pending TLB flush ignored":
            ("		flush_tlb_range(w->vma, b->start, w->end);", "		;"),
        "failed copy taken for a good one":
            ("	if (err)\n		return err;\n	__folio_set_locked", "	__folio_set_locked"),
        "zapped page is mapped again":
            ("	if (!is_swap_pte(pte))\n		return false;\n"
             "	entry = pte_to_swp_entry(pte);\n"
             "	return is_migration_entry(entry) &&\n"
             "	       swp_offset_pfn(entry) == folio_pfn(src);",
             "	(void)entry;\n	return true;"),
        "mapped pages not counted down":
            ("	lruvec_stat_mod_folio(folio, NR_ANON_MAPPED, -1);\n", ""),
        "migration not counted in pgmigrate_success":
            ("	count_vm_events(PGMIGRATE_SUCCESS, count[MOF_OUT_MIGRATED]);\n", ""),
        "LRU size updated twice":
            ("	lru->listed = 0;\n", ""),
        "allocation context ignored":
            ("current_gfp_context(MOF_DST_GFP)", "MOF_DST_GFP"),
        "secondary MMUs not told":
            ("	mmu_notifier_invalidate_range_start(&range);\n", "	if (0)\n		mmu_notifier_invalidate_range_start(&range);\n"),
        "mapped writable in a protected VMA":
            ("	return w->writable ||\n"
             "	       (!userfaultfd_wp(w->vma) && mof_may_write(w->vma, addr, pte));",
             "	return true;"),
        "exclusive flag lost":
            ("	SetPageAnonExclusive(&folio->page);\n", ""),
        "token survives the migration":
            ("	folio_xchg_last_cpupid(folio, -1);\n	set_pte_at", "	set_pte_at"),
        "full node ignored":
            ("	if (mof_node_is_full(nid, nr, 0))\n		return false;\n", ""),
        "destination leaks":
            ("		mof_put(b->dst[i], &batch);", "		;"),
    },
    "mm/mof/generic.c": {
        "partly mapped folio taken for a whole one":
            ("	for (i = 0; i < nr; i++) {\n		pte = ptep_get(ptep + i);",
             "	for (i = 0; i < nr - 1; i++) {\n		pte = ptep_get(ptep + i);"),
        "token survives isolation":
            ("	/* One shot: see mof_forget_token(). */\n"
             "	folio_xchg_last_cpupid(folio, -1);\n	list_add_tail", "	list_add_tail"),
        "migrated pages stay read-only":
            ("	for_each_set_bit(i, l->taken, MOF_WINDOW_MAX) {",
             "	for_each_set_bit(i, l->taken, 0) {"),
        "folio stays on the deferred split list":
            ("	folio_unqueue_deferred_split(folio);\n", ""),
        "faulting page counted as windowed":
            ("moved - min(moved, own)", "moved"),
        "neighbour with another token taken":
            ("	if (!folio || folio_last_cpupid(folio) != l->token ||\n",
             "	if (!folio ||\n"),
        "pinned folio counted as busy":
            ("	if (folio_maybe_dma_pinned(folio))\n"
             "		return MOF_OUT_PINNED;\n	if (mof_node", "	if (mof_node"),
        "folios that stay are not put back":
            ("	putback_movable_pages(&l->folios);", "	;"),
    },
    "mm/mof/folio.c": {
        "dirty folio of any file system moves":
            ("	return mapping && mapping->a_ops->migrate_folio;", "	return true;"),
        "pinned pages are marked":
            ("folio_test_ksm(folio) || folio_maybe_dma_pinned(folio))",
             "folio_test_ksm(folio))"),
        "pinned pages move":
            ("	if (folio_maybe_dma_pinned(folio))\n		return MOF_OUT_PINNED;\n", ""),
        "LRU batch of this CPU not drained":
            ("	lru_add_drain();\n", ""),
        "watermarks ignored":
            ("high_wmark_pages(zone) + nr_pages", "0"),
        "userfaultfd ignored when mapping writable":
            ("	       !vma_soft_dirty_enabled(vma) && !userfaultfd_wp(vma);",
             "	       !vma_soft_dirty_enabled(vma);"),
        "soft-dirty tracking ignored when mapping writable":
            ("	       !vma_soft_dirty_enabled(vma) && !userfaultfd_wp(vma);",
             "	       !userfaultfd_wp(vma);"),
        "isolated pages not counted":
            ("	node_stat_mod_folio(folio, NR_ISOLATED_ANON + folio_is_file_lru(folio),\n"
             "			    folio_nr_pages(folio));\n", ""),
        "endless second touches":
            ("	else\n		return false;\n	return true;", "	return true;"),
        "shared library pages move":
            (" ||\n	       ((vma->vm_flags & VM_EXEC) && folio_likely_mapped_shared(folio));",
             ";"),
    },
    "mm/mof/policy.c": {
        "page moves for nothing":
            ("		    (distance == best_distance && nid == q->page_nid)) {",
             "		    false) {"),
        "node without memory taken":
            ("	nodes_and(allowed, *q->allowed, *q->memory);",
             "	allowed = *q->allowed;"),
        "home node ignored":
            ("			nid = mof_nearest(q, q->home_nid, &mask);\n		if (nodes",
             "			;\n		if (nodes"),
        "cpuset ignored":
            ("				&cpuset_current_mems_allowed, uniform);",
             "				&node_states[N_MEMORY], uniform);"),
        "policy of one page taken for all":
            ("		*uniform = !interleaved &&\n"
             "			   !(vma->vm_ops && vma->vm_ops->get_policy);",
             "		*uniform = true;"),
        "bind to one node marks pages in place":
            ("nodes_weight(*nodes) > 1", "nodes_weight(*nodes) > 0"),
        "window twice as large":
            ("clamp(run / MOF_WINDOW_SHARE", "clamp(2 * run / MOF_WINDOW_SHARE"),
    },
    "mm/mof/mark.c": {
        "TLB not flushed for marked pages":
            ("		tlb_flush_pte_range(&m->tlb, start, end - start);", "		;"),
        "TLB not flushed for marked THPs":
            ("		tlb_flush_pmd_range(&m->tlb, addr, HPAGE_PMD_SIZE);", "		;"),
        "MOVE replaces MOVE_ALL":
            ("	if (mof_moves_shared(old) && m->token != mof_token(MOF_TOKEN_MOVE_ALL))\n"
             "		return false;\n", ""),
        "page marked twice counts twice":
            ("	return !mof_is_token(old) ||\n"
             "	       (m->token == mof_token(MOF_TOKEN_MOVE_ALL) && !mof_moves_shared(old));",
             "	return true;"),
        "mmap_lock not dropped when contended":
            ("	m->next = next;\n	return -EAGAIN;", "	return 0;"),
        "LRU batches of other CPUs not drained":
            ("	if (m.any_held)\n		lru_add_drain_all();\n", ""),
        "page cache of read-only files revealed":
            ("	       (inode_owner_or_capable(file_mnt_idmap(file), file_inode(file)) ||\n"
             "		!file_permission(file, MAY_WRITE));", "	       true;"),
        "secretmem marked":
            (" && !vma_is_secretmem(vma);", ";"),
        "pending batched flush ignored":
            ("		flush_tlb_batched_pending(vma->vm_mm);\n", ""),
        "announced range without whole THPs":
            ("	mof_round_to_thp(m, vma);\n	tlb_gather", "	tlb_gather"),
        "sample replaces a mark":
            ("	if (m->sample && pte_protnone(ptep_get(start_pte)))\n"
             "		addr = end;\n", ""),
        "whole VMA announced at once":
            ("min(ALIGN(addr + 1, PUD_SIZE), m->end)", "m->end"),
        "STRICT never fails":
            ("	if (!err && m.any_failed && (lazy & MPOL_MF_STRICT))\n		err = -EIO;\n", ""),
        "mark without a token":
            ("		folio_xchg_last_cpupid(folio, m->token);\n	return true;", "		;\n	return true;"),
    },
    "mm/mof/sample.c": {
        "TLB not flushed for samples":
            ("	if (p.marked)\n		flush_tlb_mm(mm);\n", ""),
        "token in use is overwritten":
            ("	       folio_mapcount(folio) > 1;", "	       false;"),
        "no back-off from untouched extents":
            ("	if (!second && e->pending && get_random_u32_below(1U << e->pending))\n"
             "		return false;\n", ""),
        "shared libraries sampled":
            (" ||\n	    (vma->vm_file && (vma->vm_flags & (VM_READ | VM_WRITE)) == VM_READ))", ")"),
        "no budget":
            ("		if (--p->left < 0 || p->quota <= 0 || p->jump)", "		if (p->quota <= 0 || p->jump)"),
        "armed extents not counted":
            ("	mof_count(mm, MOF_ARMED, 1);\n", ""),
        "extent armed in one VMA only":
            ("	for_each_vma_range(vmi, vma, end)\n		if (mof_vma_sampled(vma))\n			visit",
             "	vma = vma_next(&vmi);\n		if (vma && vma->vm_start < end && mof_vma_sampled(vma))\n			visit"),
        "VMAs without balancing policy sampled":
            ("	return vma_policy_mof(vma) &&\n	       mof_target", "	return mof_target"),
    },
    "mm/mof/history.c": {
        "history of unmapped memory stays":
            ("			xa_erase(&s->extents, index);", "			;"),
        "concurrent change overwritten":
            ("	return xa_cmpxchg(&s->extents, addr >> PMD_SHIFT, old, entry,\n"
             "			  gfp | __GFP_NOWARN) == old;",
             "	return !xa_is_err(xa_store(&s->extents, addr >> PMD_SHIFT, entry,\n"
             "				   gfp | __GFP_NOWARN));"),
        "candidates overflow":
            ("s->candidate[nr % MOF_CANDIDATES]", "s->candidate[nr % (MOF_CANDIDATES + 1)]"),
        "state leaks":
            ("	kfree(mm->mof_mm);\n", ""),
        "fault of another process counts":
            ("	if (s && current->mm == mm)", "	if (s)"),
    },
    "mm/mof/extent.c": {
        "one sample arms":
            ("{ 2, 12, 24 }", "{ 1, 12, 24 }"),
        "no time between moves":
            ("	return !e->moves || mof_extent_since(e, now) >= 1U << e->moves;", "	return true;"),
        "moves never forgotten":
            ("		e->moves -= min(e->moves, MOF_PAID_MOVES);", "		;"),
        "score not reset":
            ("	e->streak = 0;\n	e->score = 0;", "	e->streak = 0;"),
        "history loses its score":
            ("	       FIELD_PREP(MOF_X_SCORE, e->score) |\n", ""),
    },
    "mm/mof/core.c": {
        "outcome counted as the next one":
            ("MOF_FAILED_NOMEM + (outcome - MOF_OUT_NOMEM)",
             "MOF_FAILED_NOMEM + (outcome - MOF_OUT_NOMEM + 1) % 5"),
        "memory cgroup not counted":
            ("	count_memcg_events_mm(mm, item, nr);\n", ""),
        "window without an upper limit":
            ("		.extra2		= (void *)&mof_window_max,\n", ""),
        "numa_balancing=lazy ignored":
            ("	if (mof_boot_automatic)\n", "	if (0)\n"),
    },
    "kernel/sched/mof.c": {
        "sampled where there is one node only":
            ("	return num_node_state(N_MEMORY) > 1 &&\n"
             "	       nodes_weight(cpuset_current_mems_allowed) > 1;", "	return true;"),
        "new node starts no full pass":
            ("	mof_note_node(s, nid);\n	mof_request_rescan(s);", "	mof_note_node(s, nid);"),
        "two steps at once":
            ("	if (test_and_set_bit_lock(0, &s->busy))\n		return;\n", ""),
        "full passes never end":
            ("		idle += step->wrapped;", "		idle += 0;"),
        "thread too young moves its memory":
            ("	       READ_ONCE(current->se.sum_exec_runtime) < MOF_MIN_RUNTIME;",
             "	       false;"),
        "early return sets no time of the next step":
            ("		WRITE_ONCE(s->next, jiffies + mof_shortest());\n"
             "		return;\n	}\n	step.scan", "		return;\n	}\n	step.scan"),
        "invalid tunables accepted":
            ("	if (value < t->min || value > t->max)\n		return -EINVAL;\n", ""),
        "tasks never placed":
            ("	WRITE_ONCE(mm->numa_scan_seq, READ_ONCE(mm->numa_scan_seq) + 1);\n", ""),
        "no step is ever queued":
            ("	if (mof_has_choice() && !data_race", "	if (0 && !data_race"),
    },
}

FAULTS = [Fault(name, path, *change) for path, changes in FILES.items()
          for name, change in changes.items()]
