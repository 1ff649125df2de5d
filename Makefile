# SPDX-License-Identifier: GPL-2.0
# Migrate-on-fault: build, boot and test it. "make help" tells more.

PROFILE ?= guest
TOPOLOGY ?= 2x2
MINUTES ?= 20
VM := tools/vm/mof-vm

export PYTHONDONTWRITEBYTECODE := 1

.DEFAULT_GOAL := help
.PHONY: help deps prepare kernel shell run bench bench-auto bench-model plots
.PHONY: deb htmldocs quick test test-all coverage soak outside check matrix series
.PHONY: versions hwloc clean distclean

help:
	@sed -n 's/^#: //p' Makefile

#: Targets:
#:   deps       install the Debian packages that are needed (as root)
#:   prepare    unpack the kernel, apply patches/, link our files: build/linux
#:   kernel     build it; PROFILE=guest|debug|kasan|kcsan|gcov|bpf|noswap|off|
#:              stock|arm64|arm64-64k, or with the config of a machine:
#:              KCONFIG=FILE
#:   deb        packages for a real machine; KCONFIG=FILE, default: its own config
#:   run        boot a guest of two nodes and compare migration methods there
#:   bench      what a migration costs, as ratios; compare with the record
#:   bench-auto what the automatic mode does, against mode 1: an hour
#:   bench-model remote misses of a modelled machine, by mode: half an hour
#:   plots      draw the pictures of Documentation/bench/ from its records
#:   shell      an interactive guest; TOPOLOGY=2x2|4x2|8x1|memoryless|cpuless
#:   quick      the tests that find most, in one boot: minutes
#:   test       what a change must pass; SUITES="..." for any suites, or
#:              T=PROGRAM[:TEST] for one kselftest (PROFILE=, TOPOLOGY=);
#:              WITHIN=SECONDS skips suites that might end later
#:   test-all   also kernels with KASAN, KCSAN, without swap, with the feature off,
#:              unpatched, for arm64; other windows; bpf, auto, outside, series,
#:              matrix, package
#:   coverage   which of our lines the tests run; fails if less than 95 %
#:   soak       programs that do all at once, with faults injected, on kernels
#:              that look for bugs; MINUTES=20, or FUZZ=1000000 programs
#:   outside    programs of others, on the patched kernel and the unpatched one
#:   check      style and static analysis
#:   matrix     compile with options off; compare objects, off with unpatched
#:   series     write it as patches for the kernel's lists: build/series/patches
#:   htmldocs   build our pages as the kernel does, and look for warnings
#:   versions   try patches/ on all kernel sources that apt offers
#:   hwloc      Debian's hwloc with next touch, and without: build/hwloc
#:   clean      remove the kernels built, keep the unpacked source
#:   distclean  remove build/
#: Logs are in build/log/. Outside of build/, only deps installs packages, and
#: plots draws pictures.

deps:
	@scripts/deps

prepare: deps
	@scripts/prepare

kernel: prepare
ifdef KCONFIG
	@scripts/package --kernel --kconfig $(KCONFIG)
else
	@scripts/kernel $(PROFILE)
endif

deb: prepare
	@scripts/package $(if $(KCONFIG),--kconfig $(KCONFIG))

shell: kernel
	@$(VM) --profile $(PROFILE) --topology $(TOPOLOGY) --shell

run: kernel
	@$(MAKE) -s -C tools/numa-bench O=$(CURDIR)/build/numa-bench
	@$(VM) --profile $(PROFILE) --topology 2x2 --icount \
		--cpu max,-erms,-fsrm --env NUMA_BENCH_ICOUNT=1 --timeout 1800 \
		-- build/numa-bench/numa-bench migrate

bench: prepare
	@scripts/kernel guest
	@scripts/bench

bench-auto: prepare
	@scripts/kernel guest
	@scripts/bench-auto

bench-model: prepare
	@scripts/kernel guest
	@scripts/bench-model

plots: deps
	@scripts/plots

quick: prepare
	@scripts/test quick

# PROFILE and TOPOLOGY are passed on if they were given
given = $(if $(filter command environment,$(firstword $(origin $(1)))),$($(1)))

test: prepare
	@scripts/test $(if $(WITHIN),--within $(WITHIN)) \
		$(if $(T),$(addprefix --profile ,$(call given,PROFILE))) \
		$(if $(T),$(addprefix --topology ,$(call given,TOPOLOGY))) \
		$(SUITES) $(T)

test-all: prepare
	@scripts/test --all

coverage: prepare
	@scripts/kernel gcov
	@scripts/coverage

soak: prepare
	@scripts/soak $(if $(FUZZ),--fuzz $(FUZZ),--minutes $(MINUTES))

outside: prepare
	@scripts/kernel guest stock
	@scripts/outside

check: prepare
	@scripts/check

htmldocs: prepare
	@scripts/docs

matrix: prepare
	@scripts/matrix

series: prepare
	@scripts/upstream

versions: deps
	@scripts/versions

hwloc: deps
	@scripts/hwloc

clean:
	rm -rf build/O build/pristine/O build/numa-bench build/vm build/matrix
	rm -rf build/series/O build/versions build/hwloc build/package/O

distclean:
	rm -rf build
