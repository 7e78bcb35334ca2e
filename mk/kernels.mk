# SPDX-License-Identifier: Apache-2.0
# Kernels built from source to look for mistakes in the modules, and the netlink
# fuzzer's long run.

DEEP += deep-kernels smp-kernels deep-fuzz-netlink

KERNELS_INPUTS := Kbuild kmod include tests/netns tests/kernels tests/qemu \
	tests/fuzz/netlink mk/kernels.mk
INPUTS_deep-kernels := $(KERNELS_INPUTS)
INPUTS_smp-kernels := $(KERNELS_INPUTS)
INPUTS_deep-fuzz-netlink := $(KERNELS_INPUTS)

FUZZ_MINUTES ?= 30
FUZZ_SEED ?= 20250402

.PHONY: deep-kernels smp-kernels deep-fuzz-netlink

deep-kernels: $(O)/qemu/k6.1/stamp ## modules on a debug kernel: planted mistakes found, then the suites, no report
	ROWS=$@ tests/kernels/check.sh uml-debug

smp-kernels: $(O)/qemu/k6.1/stamp ## the same on an x86 debug kernel with several CPUs
	ROWS=$@ tests/kernels/check.sh smp-debug

deep-fuzz-netlink: $(O)/kmod/6.12/attestmesh.ko $(O)/qemu/k6.12/stamp ## the netlink fuzzer in a guest for FUZZ_MINUTES
	rm -f $(O)/deep/rows/$@.json
	tests/netns/check.sh tools
	python3 tests/report.py run $(O)/deep/rows/$@.json "netlink fuzzer, $(FUZZ_MINUTES) minutes" \
		"$$(cat $(O)/qemu/k6.12/release)" tests/fuzz/netlink/guest.sh 6.12 $(FUZZ_MINUTES) $(FUZZ_SEED)
