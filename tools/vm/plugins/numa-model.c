// SPDX-License-Identifier: GPL-2.0
/*
 * numa-model: local and remote memory accesses of a guest, as a plugin of
 * QEMU's TCG. README.rst has the model, the arguments and what comes out.
 *
 * Counts between the marks of the guest only; what runs elsewhere is translated
 * without a word of ours. Nothing is locked: one thread runs all CPUs, as
 * -icount has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../numa-bench/auto/mark.h"
#include "qemu-plugin.h"
#include "model.h"

#define PAGE_SHIFT	12
#define TLB_SIZE	512		/* a power of two */

/* A translation that a CPU has used; a real one has as much and more. */
struct translation {
	uint64_t page;			/* virtual, and 1 more: 0 is none */
	uint64_t base;			/* address of the frame */
	unsigned int node;
};

static struct translation tlb[NM_MAX_CPUS][TLB_SIZE];
static struct nm_options opts;
static struct nm_caches caches;
static struct nm_sections sections;
static struct nm_section *section;	/* NULL: nothing is counted */
static struct nm_slice *slice;
static uint64_t instructions;		/* of all sections */
static uint64_t slice_begin;
static unsigned int line_shift;
static double host_begin;
static char label[NM_MAX_LABEL];
static unsigned int label_bits;
static uint64_t plugin_id;

int qemu_plugin_version = PLUGIN_API_VERSION;

static double host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void next_slice(void)
{
	if (slice)
		slice->instructions = instructions - slice_begin;
	slice_begin = instructions;
	slice = nm_slice_begin(section, opts.nr_cpus);
	if (!slice) {
		fputs("numa-model: no memory left for another slice\n", stderr);
		abort();
	}
}

/* Asks QEMU; false for a device. */
static bool look_up(uint32_t info, uint64_t address, struct translation *found)
{
	const struct qemu_plugin_hwaddr *where =
		qemu_plugin_get_hwaddr(info, address);

	if (!where || qemu_plugin_hwaddr_is_io(where))
		return false;
	found->page = (address >> PAGE_SHIFT) + 1;
	found->base = qemu_plugin_hwaddr_phys_addr(where) >> PAGE_SHIFT
		      << PAGE_SHIFT;
	found->node = nm_node_at(&opts, found->base);
	return true;
}

/* Whether the guest told us of each change: it has to tell its CPUs, too. */
static void check(uint32_t info, uint64_t address,
		  const struct translation *kept)
{
	struct translation now;

	if (!look_up(info, address, &now) || now.base != kept->base)
		section->disagreed++;
}

static void on_access(unsigned int cpu, uint32_t info, uint64_t address,
		      void *side)
{
	uint64_t page = address >> PAGE_SHIFT;
	/* Not of the code alone: see plugin_forget_accesses() */
	unsigned int whose = side || address >> 63 ? NM_KERNEL : NM_USER;
	struct translation *at = &tlb[cpu][page % TLB_SIZE];
	uint64_t *column;
	enum nm_level level;

	if (!section)
		return;
	if (instructions - slice_begin >= opts.slice)
		next_slice();
	if (at->page != page + 1) {
		if (!look_up(info, address, at))
			return;
	} else if (opts.check) {
		check(info, address, at);
	}
	address = at->base | (address & ((1 << PAGE_SHIFT) - 1));
	level = nm_access(&caches, cpu, address >> line_shift,
			  qemu_plugin_mem_is_store(info));
	column = slice->cpus[cpu][whose][at->node];
	column[NM_ACCESSES]++;
	column[NM_PRIVATE_MISSES] += level != NM_PRIVATE;
	column[NM_SHARED_MISSES] += level == NM_MEMORY;
}

static void on_flush(unsigned int cpu, void *data)
{
	memset(tlb[cpu], 0, sizeof(tlb[cpu]));
}

/* Prefixes apart: mov to a control register, invlpg, invpcid */
static bool flushes(const struct qemu_plugin_insn *insn)
{
	static const char prefixes[] = "\x66\x67\xf2\xf3\x2e\x36\x3e\x26\x64\x65";
	const unsigned char *byte = qemu_plugin_insn_data(insn);
	const unsigned char *end = byte + qemu_plugin_insn_size(insn);

	while (byte < end && *byte && (strchr(prefixes, *byte) ||
				       (*byte & 0xf0) == 0x40))
		byte++;
	if (end - byte < 3 || byte[0] != 0x0f)
		return false;
	if (byte[1] == 0x01)
		return (byte[2] & 0x38) == 0x38 && byte[2] < 0xc0;
	return byte[1] == 0x22 || (byte[1] == 0x38 && byte[2] == 0x82);
}

static void install(uint64_t id);

static void begin_section(void)
{
	memset(tlb, 0, sizeof(tlb));
	nm_caches_clear(&caches);
	slice = NULL;
	section = nm_section_begin(&sections, label);
	if (!section)
		abort();
	next_slice();
	host_begin = host_seconds();
}

static void end_section(void)
{
	slice->instructions = instructions - slice_begin;
	section->host_seconds = host_seconds() - host_begin;
	section = NULL;
}

/* From its highest bit on, one character after the other */
static void add_bit(unsigned int bit)
{
	char *at = &label[label_bits / 8];

	if (label_bits / 8 >= sizeof(label) - 1)
		return;
	*at = (char)(*at << 1 | (int)bit);
	label_bits++;
}

static void on_mark(unsigned int cpu, void *data)
{
	uint32_t mark = (uint32_t)(uintptr_t)data;

	if (mark == NUMA_MARK_0 || mark == NUMA_MARK_1) {
		add_bit(mark == NUMA_MARK_1);
		return;
	}
	if (section)
		end_section();
	if (mark == NUMA_MARK_START)
		begin_section();
	qemu_plugin_reset(plugin_id, install);
	label_bits = 0;
	memset(label, 0, sizeof(label));
}

static void find_mark(struct qemu_plugin_insn *insn)
{
	uint32_t mark = plugin_mark_of(insn);

	if (mark >= NUMA_MARK_0 && mark <= NUMA_MARK_STOP)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
						       PLUGIN_NO_REGS,
						       (void *)(uintptr_t)mark);
}

static void watch(struct qemu_plugin_insn *insn)
{
	uint64_t kernel = qemu_plugin_insn_vaddr(insn) >> 63;

	if (flushes(insn))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_flush,
						       PLUGIN_NO_REGS, NULL);
	qemu_plugin_register_vcpu_mem_cb(insn, on_access, PLUGIN_NO_REGS,
					 PLUGIN_MEM_RW,
					 (void *)(uintptr_t)kernel);
}

static void on_translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb);
	bool count = section && !opts.off;

	for (size_t i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		find_mark(insn);
		if (count)
			watch(insn);
	}
	if (count)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_ADD_U64,
							 &instructions, nr);
}

static void on_end(uint64_t id, void *data)
{
	if (section)
		end_section();
	if (nm_json(&opts, &sections))
		perror(opts.out);
}

/* Anew at each start and stop: nothing that was translated before is left. */
static void install(uint64_t id)
{
	plugin_forget_accesses(opts.nr_cpus);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_end, NULL);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc,
			char **argv)
{
	if (nm_options_parse(&opts, argc, argv))
		return -1;
	if (info->system.max_vcpus > (int)opts.nr_cpus) {
		fputs("numa-model: say the node of every CPU\n", stderr);
		return -1;
	}
	line_shift = (unsigned int)__builtin_ctzll(opts.line);
	caches.nr_cpus = opts.nr_cpus;
	caches.nr_nodes = opts.nr_nodes;
	caches.node_of = opts.node_of;
	if (nm_caches_make(&caches, nm_shape_of(&opts, opts.private),
			   nm_shape_of(&opts, opts.shared))) {
		perror("numa-model");
		return -1;
	}
	plugin_id = id;
	install(id);
	return 0;
}
