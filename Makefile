# SPDX-License-Identifier: Apache-2.0
# Entry points of the whole project. Each part brings a fragment in mk/ that
# appends its targets to BUILD, CHECK, DEEP, DEEP_BESIDE, BENCH and CLEAN; this
# file only orders them and runs them. Of DEEP_BESIDE is what only computes: it
# runs beside DEEP with what that leaves of the machine. INPUTS_target names the
# paths that a target of them depends on, for `make check-deep RESUME=1`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
ROOT := $(patsubst %/,%,$(dir $(realpath $(firstword $(MAKEFILE_LIST)))))
O ?= $(ROOT)/build
SETUP := $(O)/setup/stamp
export ROOT O

# The Node.js that setup fetched because this machine's own is too old.
FETCHED_NODE := $(wildcard $(O)/node/node_modules/node/bin)
ifneq ($(FETCHED_NODE),)
export PATH := $(FETCHED_NODE):$(PATH)
endif

BUILD :=
CHECK :=
DEEP :=
DEEP_BESIDE :=
BENCH :=
CLEAN :=

define newline


endef

include $(wildcard mk/*.mk)

# The order in which `make check` runs what exists: cheap and telling first.
CHECK_ORDER := check-tree check-contracts check-usr check-worker check-ed25519 check-sim \
	check-kmod check-devnet check-demo check-e2e
CHECK_RUN := $(filter $(CHECK),$(CHECK_ORDER)) $(filter-out $(CHECK_ORDER),$(CHECK))

.PHONY: all check check-deep bench setup clean help

all: $(BUILD) ## build everything: modules, userspace, contracts, worker

setup: $(SETUP) ## install what is missing (Debian packages, npm packages)

$(SETUP): package-lock.json $(wildcard tests/setup/packages.d/*.txt) tests/setup/setup.sh
	@tests/setup/setup.sh

check: $(SETUP) ## everything a change must pass (at most 45 minutes on 2 cores)
	@tests/check.sh $(CHECK_RUN)

check-deep: export CHECK_INPUTS := $(foreach t,$(DEEP) $(DEEP_BESIDE),$(if $(INPUTS_$(t)),$(t) $(INPUTS_$(t))$(newline)))
check-deep: $(SETUP) ## check, then the long suites (hours); RESUME=1: only what has not passed as it is now; CHECK= DEEP= DEEP_BESIDE=deep-sim: that one
	@rc=0; $(if $(strip $(CHECK_RUN)),tests/check.sh --report $(O)/deep/report.json $(if $(RESUME),--resume) $(CHECK_RUN) || rc=$$?;) \
	$(if $(strip $(DEEP) $(DEEP_BESIDE)),tests/check.sh --report $(O)/deep/report.json $(if $(RESUME),--resume) --beside "$(DEEP_BESIDE)" $(DEEP) || rc=$$?;) \
	python3 tests/report.py show $(O)/deep/report.json $(CHECK_RUN) $(DEEP) $(DEEP_BESIDE); exit $$rc

bench: $(BENCH) ## all benchmarks; JSON under build/bench/

clean: $(CLEAN) ## remove everything that was built
	rm -rf "$(O)"

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | \
		sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | sort -u | \
		while IFS=$$'\t' read -r t d; do printf '  %-20s %s\n' "$$t" "$$d"; done
