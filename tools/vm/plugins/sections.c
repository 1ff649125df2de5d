// SPDX-License-Identifier: GPL-2.0
/* Sections and their slices: arrays that grow. */
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

/**
 * nm_section_begin - one more section, without a slice
 * @sections: to be added to
 * @label: what the guest calls it
 *
 * Return: the section, good until the next one begins; NULL without memory.
 */
struct nm_section *nm_section_begin(struct nm_sections *sections,
				    const char *label)
{
	struct nm_section *section;
	void *all = realloc(sections->all,
			    (sections->nr + 1) * sizeof(*sections->all));

	if (!all)
		return NULL;
	sections->all = all;
	section = &sections->all[sections->nr++];
	*section = (struct nm_section) { 0 };
	snprintf(section->label, sizeof(section->label), "%s", label);
	return section;
}

/**
 * nm_slice_begin - one more slice, with nothing counted
 * @section: to be added to
 * @nr_cpus: that are counted apart
 *
 * Return: the slice, good until the next one begins; NULL without memory.
 */
struct nm_slice *nm_slice_begin(struct nm_section *section,
				unsigned int nr_cpus)
{
	nm_counts *cpus = calloc(nr_cpus, sizeof(*cpus));
	void *slices = realloc(section->slices,
			       (section->nr + 1) * sizeof(*section->slices));

	if (!cpus || !slices)
		return NULL;
	section->slices = slices;
	section->slices[section->nr] = (struct nm_slice) { .cpus = cpus };
	return &section->slices[section->nr++];
}
