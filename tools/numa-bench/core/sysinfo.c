// SPDX-License-Identifier: GPL-2.0
/* Settings that results depend on. */
#include <string.h>

#include "numa-bench.h"

#define THP	"/sys/kernel/mm/transparent_hugepage/"

const struct setting settings[] = {
	{ "kernel.numa_balancing", "/proc/sys/kernel/numa_balancing" },
	{ "vm.mof_window_pages", "/proc/sys/vm/mof_window_pages" },
	{ "vm.zone_reclaim_mode", "/proc/sys/vm/zone_reclaim_mode" },
	{ "thp_enabled", THP "enabled" },
	{ "thp_defrag", THP "defrag" },
	{ "thp_size_bytes", THP "hpage_pmd_size" },
	{ "ksm_run", "/sys/kernel/mm/ksm/run" },
	{ "demotion_enabled", "/sys/kernel/mm/numa/demotion_enabled" },
	{ "clocksource",
	  "/sys/devices/system/clocksource/clocksource0/current_clocksource" },
};

const size_t nr_settings = ARRAY_SIZE(settings);

const char *read_line(const char *path, char *buf, size_t len)
{
	FILE *file = fopen(path, "r");

	*buf = '\0';
	if (!file)
		return buf;
	if (fgets(buf, (int)len, file))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(file);
	return buf;
}

/* Of the first CPU: its flags (erms, fsrm) decide how the kernel copies. */
const char *cpu_field(const char *field, char *buf, size_t len)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	const char *val = NULL;

	while (file && !val && fgets(buf, (int)len, file)) {
		buf[strcspn(buf, "\n")] = '\0';
		if (!strncmp(buf, field, strlen(field)) && strstr(buf, ": "))
			val = strstr(buf, ": ") + 2;
	}
	if (file)
		fclose(file);
	return val ? val : "";
}
