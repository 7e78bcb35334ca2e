# SPDX-License-Identifier: Apache-2.0
# Ed25519 in userspace: the pure files of kmod/ed25519, compiled as the kernel
# compiles them (no vector registers but in the eight-lane object), tested,
# fuzzed and measured; and the provider's interface in guests. The modules as they
# ship are built by the kmod part.

CHECK += check-ed25519
DEEP_BESIDE += deep-ed25519 deep-ed25519-mutants
BENCH += bench-ed25519

ED := $(O)/ed25519
ED_DIR := $(ROOT)/kmod/ed25519
ED_UNIT := $(ROOT)/tests/unit/ed25519
ED_FUZZ := $(ROOT)/tests/fuzz/ed25519
ED_CASES ?= 100000
ED_DEEP_CASES ?= 10000000
ED_SEED ?= 20250101
ED_JOBS ?= 1
INPUTS_deep-ed25519-mutants := kmod/ed25519 tests/unit/ed25519 mk/ed25519.mk
INPUTS_deep-ed25519 := kmod/ed25519 tests/unit/ed25519 tests/fuzz/ed25519 mk/ed25519.mk

ED_CFLAGS := -std=gnu11 -g -Wall -Wextra -Werror -Wmissing-prototypes \
	-Wstrict-prototypes -Wshadow -Wvla -Wundef -fno-strict-aliasing \
	-I$(ED_DIR) -I$(ED_UNIT)
ED_VECTOR := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512ifma \
	-mavx512vbmi -mprefer-vector-width=512
ED_HEADERS := $(wildcard $(ED_DIR)/*.h) $(wildcard $(ED_UNIT)/*.h)
ED_PORTABLE := fe ge comb sc sha512 ed25519 selftest
ED_OBJECTS := $(patsubst %,$(ED)/%.o,$(ED_PORTABLE) eval_adx fpu lanes ifma)
ED_TESTS := t_field t_scalar t_comb t_verify t_lanes t_field_ifma t_fpu t_fpu_kernel t_wipe
ED_PLANTS := S_RANGE:sc_is_reduced KEY_ORDER:ge_has_prime_order \
	LANE:ifma_encode ADX:eval_adx_pair
ED_KERNELS := 6.1 6.12
ED_CROSS := i686-linux-gnu powerpc64-linux-gnu

.PHONY: check-ed25519 deep-ed25519 deep-ed25519-mutants bench-ed25519

$(ED)/ifma.o: $(ED_DIR)/ifma.c $(ED_HEADERS) $(SETUP)
	@mkdir -p $(@D)
	@$(CC) -O3 -fschedule-insns -fsched-pressure $(ED_CFLAGS) $(ED_VECTOR) -Wframe-larger-than=2048 -c -o $@ $<

$(ED)/%.o: $(ED_DIR)/%.c $(ED_HEADERS) $(SETUP)
	@mkdir -p $(@D)
	@$(CC) -O2 -mgeneral-regs-only $(ED_CFLAGS) -Wframe-larger-than=2048 -c -o $@ $<

$(ED)/support.o: $(ED_UNIT)/support.c $(ED_HEADERS) $(SETUP)
	@mkdir -p $(@D)
	@$(CC) -O2 $(ED_CFLAGS) -c -o $@ $<

$(ED)/t_field_ifma: ED_CFLAGS += $(ED_VECTOR)
$(ED)/t_%: $(ED_UNIT)/t_%.c $(ED)/support.o $(ED_OBJECTS)
	@$(CC) -O2 $(ED_CFLAGS) -o $@ $^ -lcmocka -lsodium

$(ED)/jobs.o: $(ED_FUZZ)/jobs.c $(ED_FUZZ)/jobs.h $(SETUP)
	@mkdir -p $(@D)
	@$(CC) -O2 $(ED_CFLAGS) -c -o $@ $<

$(ED)/fuzz: $(ED_FUZZ)/fuzz.c $(ED)/jobs.o $(ED)/support.o $(ED_OBJECTS)
	@$(CC) -O2 $(ED_CFLAGS) -o $@ $^ -lcmocka -lsodium -lcrypto

# The FPU taken away: t_fpu.c plays it, sees each piece of vector code and the
# scalar path; and the same with a lanes.c that does not heed a refusal.
ED_FPU_WRAPS := fpu_enter fpu_leave fpu_rest ifma_prepare ifma_evaluate \
	ifma_encode ed25519_verify_batch
ED_FPU_FLAGS := $(ED_FPU_WRAPS:%=-Wl,--wrap=%)

$(ED)/t_fpu: $(ED_UNIT)/t_fpu.c $(ED)/support.o $(ED_OBJECTS)
	@$(CC) -O2 $(ED_CFLAGS) $(ED_FPU_FLAGS) -o $@ $^ -lcmocka -lsodium

$(ED)/heedless.c: $(ED_DIR)/lanes.c
	@sed 's/if (!fpu_enter())/if (!fpu_enter() \&\& 0)/' $< >$@
	@! cmp -s $< $@ || { echo "nothing planted in $<"; exit 1; }

$(ED)/t_fpu-planted: $(ED_UNIT)/t_fpu.c $(ED)/heedless.c $(ED)/support.o $(filter-out $(ED)/lanes.o,$(ED_OBJECTS))
	@$(CC) -O2 $(ED_CFLAGS) $(ED_FPU_FLAGS) -o $@ $^ -lcmocka -lsodium

$(ED)/t_fpu_kernel: $(ED_UNIT)/t_fpu_kernel.c $(ED_DIR)/fpu.c $(ED_HEADERS) $(wildcard $(ED_UNIT)/standin/*.h) $(SETUP)
	@mkdir -p $(@D)
	@$(CC) -O2 -D__KERNEL__ -I$(ED_UNIT)/standin $(ED_CFLAGS) -o $@ $(filter %.c,$^) -lcmocka

# Signing as memcheck follows it, and the same with a lookup that depends on the nonce.
ED_SECRET := $(ED)/secret $(ED)/secret-planted
$(ED)/secret-planted: ED_CFLAGS += -DPLANT_LOOKUP -Wl,--wrap=comb_base_mult
$(ED_SECRET): $(ED_UNIT)/secret.c $(filter-out $(ED)/fpu.o $(ED)/lanes.o $(ED)/ifma.o,$(ED_OBJECTS))
	@$(CC) -O2 $(ED_CFLAGS) -o $@ $^ -lsodium

# One fuzzer per planted defect, named PLANT:function.
define ED_PLANT
$(ED)/fuzz-$(word 1,$(subst :, ,$(1))): $(ED_FUZZ)/fuzz.c $(ED_FUZZ)/planted.c $(ED)/jobs.o $(ED)/support.o $(ED_OBJECTS)
	@$$(CC) -O2 $$(ED_CFLAGS) -DPLANT_$(word 1,$(subst :, ,$(1))) \
		-Wl,--wrap=$(word 2,$(subst :, ,$(1))) -o $$@ $$^ -lcmocka -lsodium -lcrypto
endef
$(foreach p,$(ED_PLANTS),$(eval $(call ED_PLANT,$(p))))
ED_PLANTED := $(foreach p,$(ED_PLANTS),$(ED)/fuzz-$(word 1,$(subst :, ,$(p))))

$(ED)/replay-%: $(ED_UNIT)/replay.c $(ED_HEADERS) $(SETUP) $(patsubst %,$(ED_DIR)/%.c,$(ED_PORTABLE))
	@mkdir -p $(@D)
	@$*-gcc -static -O2 $(ED_CFLAGS) -o $@ $< $(patsubst %,$(ED_DIR)/%.c,$(ED_PORTABLE))

$(ED)/bench: $(ROOT)/tests/bench/ed25519/bench.c $(ED_OBJECTS)
	@$(CC) -O2 $(ED_CFLAGS) -Wl,--wrap=fpu_enter,--wrap=fpu_leave -o $@ $^ -lsodium -lcrypto

# The rule for the guests' kernels is the kmod part's.
check-ed25519: $(patsubst %,$(ED)/%,$(ED_TESTS)) $(ED)/t_fpu-planted $(ED)/fuzz $(ED_PLANTED) $(ED_SECRET) $(patsubst %,$(ED)/replay-%,$(ED_CROSS)) $(ED_KERNELS:%=$(O)/qemu/k%/stamp) $(O)/qemu/src/stamp ## Ed25519: unit tests, 100,000 differential cases, 32-bit and big-endian, the provider in guests
	$(ED_UNIT)/check.sh $(ED) $(ED_CASES) $(ED_SEED) $(ED_KERNELS)

deep-ed25519: $(ED)/fuzz ## Ed25519: 10 million differential cases (half an hour of CPU; ED_JOBS=2: on both cores)
	@mkdir -p $(O)/deep/rows; rm -f $(O)/deep/rows/$@.json
	python3 $(ROOT)/tests/report.py run $(O)/deep/rows/$@.json "Ed25519, differential cases" userspace \
		$(ED)/fuzz -j $(ED_JOBS) -p 30 $(ED_DEEP_CASES) $(ED_SEED)1

deep-ed25519-mutants: $(SETUP) ## Ed25519: mistakes put into the sources one by one, each of which a test has to notice
	@mkdir -p $(O)/deep/rows; rm -f $(O)/deep/rows/$@.json
	python3 $(ROOT)/tests/report.py run $(O)/deep/rows/$@.json "Ed25519, planted mistakes" userspace \
		$(ED_UNIT)/mutants.sh $(ED)/mutants

bench-ed25519: $(ED)/bench ## verifications per CPU second against libsodium and OpenSSL
	@mkdir -p $(O)/bench
	$(ED)/bench >$(O)/bench/ed25519.json.tmp
	mv $(O)/bench/ed25519.json.tmp $(O)/bench/ed25519.json
	python3 $(ROOT)/tests/bench/ed25519/show.py $(O)/bench/ed25519.json
