# SPDX-License-Identifier: Apache-2.0
# The deterministic simulator of liveness: the kernel module's pure files, as
# they are, in thousands of seeded clusters.
SIM := $(O)/sim
SIM_PURE := beat replay own floors view row link pace live peers evidence converge
SIM_SECONDS ?= $(if $(SEED),0,30)
SIM_JOBS ?= 2
SIM_SOURCES := $(wildcard $(ROOT)/tests/sim/*.c) $(SIM_PURE:%=$(ROOT)/kmod/%.c)
# One seed alone unless a time is asked for as well.
SIM_ARGS = --seed $(or $(SEED),1) --seconds $(SIM_SECONDS) --jobs $(SIM_JOBS) \
	$(if $(filter 0,$(SIM_SECONDS)),--one) $(if $(SIM_NODES),--nodes $(SIM_NODES))

BUILD += sim-build
CHECK += check-sim
DEEP_BESIDE += deep-sim
INPUTS_deep-sim := tests/sim $(SIM_PURE:%=kmod/%.c) kmod/*.h mk/sim.mk

.PHONY: sim sim-build check-sim deep-sim

$(SIM)/sim: $(SIM_SOURCES) $(wildcard $(ROOT)/tests/sim/*.h $(ROOT)/kmod/*.h) | $(SETUP)
	@mkdir -p $(SIM)
	$(CC) -std=gnu11 -O2 -g -D_GNU_SOURCE -Wall -Wextra -Werror -I$(ROOT) \
		-o $@ $(SIM_SOURCES)

sim-build: $(SIM)/sim ## build the liveness simulator

sim: $(SIM)/sim ## simulate liveness (SIM_SECONDS=30, SEED=one run to replay, SIM_NODES)
	@$(SIM)/sim $(SIM_ARGS)

check-sim: $(SIM)/sim ## half a minute of seeds, 1,100 nodes, exact replay here and elsewhere, planted defects
	@$(ROOT)/tests/sim/check.sh $(SIM)

deep-sim: $(SIM)/sim ## an hour of simulation from a new seed, then two thousand nodes
	@SIM_DEEP=1 $(ROOT)/tests/sim/check.sh $(SIM)
