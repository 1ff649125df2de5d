// SPDX-License-Identifier: GPL-2.0
/*
 * numa-model: a TCG plugin for QEMU that counts local and remote memory accesses
 * of a guest. README.rst has the model, the arguments and the output.
 *
 * It counts only between marks of the guest; other code is not instrumented.
 * Nothing is locked: with -icount, one thread runs all CPUs.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../numa-bench/auto/mark.h"
#include "model.h"
#include "qemu-plugin.h"

/* Counts of one CPU */
enum nm_side { NM_USER, NM_KERNEL, NM_SIDES };
enum nm_column { NM_ACCESSES, NM_PRIVATE_MISSES, NM_SHARED_MISSES, NM_COLUMNS };

/* The last node stands for memory of no node. */
typedef uint64_t nm_counts[NM_SIDES][NM_MAX_NODES + 1][NM_COLUMNS];

#define PAGE_SHIFT	12
#define TLB_SIZE	512		/* a power of two */

/* A translation cached for a CPU */
struct translation {
	uint64_t page;			/* virtual page number + 1; 0: none */
	uint64_t base;			/* address of the frame */
	unsigned int node;
};

static struct translation tlb[NM_MAX_CPUS][TLB_SIZE];
static struct nm_options opts;
static struct nm_caches caches;
static struct json_object *sections;
static struct json_object *slices;	/* of this section; NULL between sections */
static nm_counts counts[NM_MAX_CPUS];	/* of this slice */
static uint64_t instructions;		/* in all sections */
static uint64_t slice_begin;
static uint64_t disagreed;		/* translations that check=1 found wrong */
static unsigned int line_shift;
static double host_begin;
static char label[NM_MAX_LABEL];	/* of this section */
static char next_label[NM_MAX_LABEL];
static unsigned int label_bits;
static uint64_t plugin_id;

int qemu_plugin_version = PLUGIN_API_VERSION;

static void put(struct json_object *to, const char *name, uint64_t number)
{
	json_object_object_add(to, name, json_object_new_uint64(number));
}

static struct json_object *list(const uint64_t *numbers, size_t nr)
{
	struct json_object *found = json_object_new_array();

	for (size_t i = 0; i < nr; i++)
		json_object_array_add(found,
				      json_object_new_uint64(numbers[i]));
	return found;
}

static struct json_object *put_new(struct json_object *to, const char *name)
{
	struct json_object *found = json_object_new_object();

	json_object_object_add(to, name, found);
	return found;
}

static void put_model(struct json_object *to)
{
	struct json_object *cycles = json_object_new_array();

	put(to, "line_bytes", opts.line);
	put(to, "private_bytes", opts.private[0]);
	put(to, "private_ways", opts.private[1]);
	put(to, "shared_bytes", opts.shared[0]);
	put(to, "shared_ways", opts.shared[1]);
	put(to, "shared_cycles", opts.cycles[0]);
	for (unsigned int from = 0; from < opts.nr_nodes; from++) {
		uint64_t row[NM_MAX_NODES];

		for (unsigned int i = 0; i < opts.nr_nodes; i++)
			row[i] = nm_memory_cycles(&opts, from, i);
		json_object_array_add(cycles, list(row, opts.nr_nodes));
	}
	json_object_object_add(to, "memory_cycles", cycles);
	put(to, "slice_instructions", opts.slice);
}

static void put_map(struct json_object *to)
{
	struct json_object *cpus = json_object_new_array();
	struct json_object *nodes = json_object_new_array();

	for (unsigned int i = 0; i < opts.nr_cpus; i++)
		json_object_array_add(cpus,
				      json_object_new_uint64(opts.node_of[i]));
	for (unsigned int i = 0; i < opts.nr_nodes; i++) {
		const uint64_t ranges[] = { opts.start[i], opts.end[i],
					    opts.start_high[i],
					    opts.end_high[i] };

		json_object_array_add(nodes, list(ranges,
						  ranges[3] ? 4 : 2));
	}
	json_object_object_add(to, "node_of_cpu", cpus);
	json_object_object_add(to, "memory_of_node", nodes);
}

/* Cycles that a CPU waits for its misses, one after another */
static uint64_t waiting(unsigned int cpu)
{
	unsigned int from = opts.node_of[cpu];
	uint64_t sum = 0;

	for (int side = 0; side < NM_SIDES; side++)
		for (unsigned int to = 0; to < opts.nr_nodes; to++) {
			const uint64_t *column = counts[cpu][side][to];

			sum += (column[NM_PRIVATE_MISSES] -
				column[NM_SHARED_MISSES]) * opts.cycles[0] +
			       column[NM_SHARED_MISSES] *
				nm_memory_cycles(&opts, from, to);
		}
	return sum;
}

static void put_side(unsigned int own, uint64_t nodes[][NM_COLUMNS],
		     struct json_object *to)
{
	uint64_t sums[2][NM_COLUMNS] = { { 0 } };

	for (unsigned int node = 0; node < opts.nr_nodes; node++)
		for (int column = 0; column < NM_COLUMNS; column++)
			sums[node != own][column] += nodes[node][column];
	json_object_object_add(to, "local", list(sums[0], NM_COLUMNS));
	json_object_object_add(to, "remote", list(sums[1], NM_COLUMNS));
	put(to, "elsewhere", nodes[NM_NOWHERE][NM_ACCESSES]);
}

static void end_slice(void)
{
	struct json_object *slice = json_object_new_object();
	struct json_object *cpus = json_object_new_array();
	uint64_t cycles = instructions - slice_begin;

	put(slice, "instructions", cycles);
	for (unsigned int i = 0; i < opts.nr_cpus; i++) {
		struct json_object *cpu = json_object_new_object();

		put_side(opts.node_of[i], counts[i][NM_USER],
			 put_new(cpu, "user"));
		put_side(opts.node_of[i], counts[i][NM_KERNEL],
			 put_new(cpu, "kernel"));
		json_object_array_add(cpus, cpu);
		cycles += waiting(i);
	}
	put(slice, "cycles", cycles);
	json_object_object_add(slice, "cpus", cpus);
	json_object_array_add(slices, slice);
	memset(counts, 0, sizeof(counts));
	slice_begin = instructions;
}

static double host_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Translates an address by QEMU; false for a device. */
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

/* Whether a cached translation is still that of QEMU. */
static void check(uint32_t info, uint64_t address,
		  const struct translation *kept)
{
	struct translation now;

	if (!look_up(info, address, &now) || now.base != kept->base)
		disagreed++;
}

static void on_access(unsigned int cpu, uint32_t info, uint64_t address,
		      void *side)
{
	uint64_t page = address >> PAGE_SHIFT;
	/* By address, too: a stale callback has the side of other code. */
	unsigned int whose = side || address >> 63 ? NM_KERNEL : NM_USER;
	struct translation *at = &tlb[cpu][page % TLB_SIZE];
	uint64_t *column;
	enum nm_level level;

	if (!slices)
		return;
	if (instructions - slice_begin >= opts.slice)
		end_slice();
	if (at->page != page + 1) {
		if (!look_up(info, address, at))
			return;
	} else if (opts.check) {
		check(info, address, at);
	}
	address = at->base | (address & ((1 << PAGE_SHIFT) - 1));
	level = nm_access(&caches, cpu, address >> line_shift,
			  qemu_plugin_mem_is_store(info));
	column = counts[cpu][whose][at->node];
	column[NM_ACCESSES]++;
	column[NM_PRIVATE_MISSES] += level != NM_PRIVATE;
	column[NM_SHARED_MISSES] += level == NM_MEMORY;
}

static void on_flush(unsigned int cpu, void *data)
{
	memset(tlb[cpu], 0, sizeof(tlb[cpu]));
}

/* Whether an instruction is mov to a control register, invlpg or invpcid */
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
	slices = json_object_new_array();
	memcpy(label, next_label, sizeof(label));
	disagreed = 0;
	slice_begin = instructions;
	host_begin = host_seconds();
}

static void end_section(void)
{
	struct json_object *section = json_object_new_object();

	end_slice();
	json_object_object_add(section, "label", json_object_new_string(label));
	put(section, "disagreed", disagreed);
	json_object_object_add(section, "host_seconds",
			       json_object_new_double(host_seconds() - host_begin));
	json_object_object_add(section, "slices", slices);
	json_object_array_add(sections, section);
	slices = NULL;
}

static void add_bit(unsigned int bit)
{
	char *at = &next_label[label_bits / 8];

	if (label_bits / 8 >= sizeof(next_label) - 1)
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
	if (slices)
		end_section();
	if (mark == NUMA_MARK_START)
		begin_section();
	qemu_plugin_reset(plugin_id, install);
	label_bits = 0;
	memset(next_label, 0, sizeof(next_label));
}

static void find_mark(struct qemu_plugin_insn *insn)
{
	uint32_t mark = plugin_mark_of(insn);

	if (mark >= NUMA_MARK_0 && mark <= NUMA_MARK_STOP)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
						       PLUGIN_NO_REGS,
						       (void *)(uintptr_t)mark);
}

static void instrument(struct qemu_plugin_insn *insn)
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
	bool count = slices && !opts.off;

	for (size_t i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		find_mark(insn);
		if (count)
			instrument(insn);
	}
	if (count)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_ADD_U64,
							 &instructions, nr);
}

static void on_end(uint64_t id, void *data)
{
	struct json_object *root = json_object_new_object();

	if (slices)
		end_section();
	put(root, "version", 1);
	put_model(put_new(root, "model"));
	put_map(root);
	json_object_object_add(root, "sections", sections);
	if (json_object_to_file_ext(opts.out, root, JSON_C_TO_STRING_SPACED))
		perror(opts.out);
	json_object_put(root);
}

/* Called at each start and stop, since code has to be translated again. */
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
		fputs("numa-model: cpus= must have the node of every CPU\n", stderr);
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
	sections = json_object_new_array();
	plugin_id = id;
	install(id);
	return 0;
}
