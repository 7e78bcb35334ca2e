# SPDX-License-Identifier: Apache-2.0
# Kernels built from source to look for mistakes in the modules, and the netlink
# fuzzer's long run.

DEEP += deep-kernels deep-fuzz-netlink

FUZZ_MINUTES ?= 30
FUZZ_SEED ?= 20250402

.PHONY: deep-kernels smp-kernels deep-fuzz-netlink

deep-kernels: $(O)/qemu/k6.1/stamp ## modules on a debug kernel: planted mistakes found, then the suites, no report
	tests/kernels/check.sh uml-debug

smp-kernels: $(O)/qemu/k6.1/stamp ## the same on an x86 debug kernel with several CPUs
	tests/kernels/check.sh smp-debug

deep-fuzz-netlink: $(O)/kmod/6.12/attestmesh.ko $(O)/qemu/k6.12/stamp ## the netlink fuzzer in a guest for FUZZ_MINUTES
	tests/netns/check.sh tools
	rc=0; tests/qemu/vm -q -k 6.12 -t $$(($(FUZZ_MINUTES) * 60 + 300)) -o $(O)/deep/fuzz-netlink.log \
		"FUZZ_SECS=$$(($(FUZZ_MINUTES) * 60)) FUZZ_SEED=$(FUZZ_SEED) bash tests/netns/suite.sh $(O)/kmod/6.12 $(O)/netns fuzz" || rc=$$?; \
		grep -aE 'WRONG|WEAK|fuzz:|passed, ' $(O)/deep/fuzz-netlink.log | tr -d '\r'; exit $$rc
