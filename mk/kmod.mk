# SPDX-License-Identifier: Apache-2.0
# The kernel modules: building for the guests' kernels, static checks, the
# netlink generator, the guest suites.

# `make modules KERNELS=newest` builds for others: what build/qemu/k* can be.
KERNELS ?= 6.1 6.12
KMOD_KERNELS := $(KERNELS)
KMOD_SOURCES := Kbuild $(wildcard kmod/*.[ch] kmod/ed25519/* kmod/selftest/* \
	include/uapi/linux/attestmesh.h) kmod/tools/build kmod/tools/kmake
KMOD_MODULES := $(KMOD_KERNELS:%=$(O)/kmod/%/attestmesh.ko)

BUILD += modules
CHECK += check-kmod
DEEP += deep-kernel-newest
INPUTS_deep-kernel-newest := Kbuild kmod include tests/netns tests/qemu tests/fuzz/netlink tests/unit/ed25519 mk/kmod.mk
BENCH += bench-kernel

.PHONY: modules nl-regen check-kmod deep-kernel-newest bench-kernel

modules: $(KMOD_MODULES) ## both kernel modules for the guests' kernels (build/kmod/VERSION/)

$(O)/qemu/k%/stamp: | $(SETUP)
	tests/qemu/fetch.sh vm

$(O)/qemu/knewest/stamp: | $(SETUP)
	tests/qemu/newest.sh

$(O)/qemu/src/stamp: | $(SETUP)
	tests/qemu/fetch.sh source

.PRECIOUS: $(O)/qemu/k%/stamp

$(O)/kmod/%/attestmesh.ko: $(KMOD_SOURCES) $(O)/qemu/k%/stamp
	kmod/tools/build $(O)/qemu/k$* $(O)/kmod/$* >$(O)/kmod/$*.log 2>&1 || \
		{ cat $(O)/kmod/$*.log; exit 1; }

# The directory of a log has to be there before the first module is.
$(KMOD_MODULES) $(O)/kmod/newest/attestmesh.ko: | $(O)/kmod
$(O)/kmod:
	mkdir -p $@

nl-regen: $(O)/qemu/src/stamp ## generate the netlink header and policies from the YAML spec
	kmod/tools/nl-regen $(O)/qemu/src/linux $(O)/kmod/nl
	cp $(O)/kmod/nl/attestmesh.h include/uapi/linux/
	cp $(O)/kmod/nl/nl_policy.c $(O)/kmod/nl/nl_policy.h kmod/

check-kmod: $(KMOD_MODULES) $(O)/qemu/src/stamp ## modules: static checks, then the guest suites on 6.1 and 6.12
	rows=$(O)/deep/rows/$@.json; rm -f $$rows; rc=0; \
	for k in $(KMOD_KERNELS); do \
		python3 tests/report.py run $$rows "static checks and guest suite" \
			"$$(cat $(O)/qemu/k$$k/release)" tests/netns/check.sh $$k || rc=$$?; \
	done; python3 tests/report.py total $$rows; exit $$rc

deep-kernel-newest: $(O)/kmod/newest/attestmesh.ko $(O)/qemu/src/stamp ## the same on the newest kernel that Debian has (7.x)
	rm -f $(O)/deep/rows/$@.json
	run() { python3 tests/report.py run $(O)/deep/rows/$@.json "$$1" "$$(cat $(O)/qemu/knewest/release)" "$${@:2}"; }; rc=0; \
	run "static checks and guest suite" tests/netns/check.sh newest || rc=$$?; \
	run "provider's interface" tests/unit/ed25519/api/guest.sh newest $(O)/ed25519 || rc=$$?; exit $$rc

bench-kernel: $(O)/kmod/6.1/attestmesh.ko ## what the module costs and how soon it knows, in about half an hour on idle CPUs: build/bench/kernel.json
	tests/kernels/build.sh uml
	python3 tests/bench/kernel/bench.py $(O)/bench-kernel $(O)/kernels/uml
