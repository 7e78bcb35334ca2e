# SPDX-License-Identifier: Apache-2.0
# The gRPC layer and the HTTP server under libFuzzer, ASan and UBSan. Their unit
# tests belong to the userspace build; here the same sources are compiled by
# clang with coverage. A planted defect shows that the fuzzer gets to the
# methods behind the wire.

CHECK += check-fuzz-grpc
DEEP_BESIDE += deep-fuzz-grpc
INPUTS_deep-fuzz-grpc := usr/lib tests/fuzz/grpc tests/unit/grpc mk/grpc.mk

GRPC_FUZZ := $(O)/fuzz-grpc
GRPC_FUZZ_DIR := $(ROOT)/tests/fuzz/grpc
GRPC_LIB := $(ROOT)/usr/lib/grpc
GRPC_FUZZ_CC := clang -std=gnu11 -g -O1 -D_GNU_SOURCE -fno-strict-aliasing \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-I$(ROOT)/usr/lib -I$(ROOT)/usr/lib/base -I$(GRPC_FUZZ)/gen
GRPC_FUZZ_TARGETS := fuzz_server fuzz_client fuzz_text
GRPC_FUZZ_PROTOS := agent health peer reflection
GRPC_FUZZ_SOURCES := $(wildcard $(ROOT)/usr/lib/base/*.c) $(wildcard $(GRPC_LIB)/*.c) \
	$(ROOT)/usr/lib/http/parse.c $(ROOT)/tests/unit/grpc/service.c
GRPC_FUZZ_HEADERS := $(wildcard $(ROOT)/usr/lib/*/*.h)
GRPC_FUZZ_GEN := $(GRPC_FUZZ_PROTOS:%=$(GRPC_FUZZ)/gen/grpc/%.pb-c.c) \
	$(GRPC_FUZZ)/gen/grpc/descriptor_set.c
GRPC_FUZZ_OBJECTS := $(GRPC_FUZZ_SOURCES:$(ROOT)/%.c=$(GRPC_FUZZ)/o/%.o) \
	$(GRPC_FUZZ_GEN:$(GRPC_FUZZ)/gen/%.c=$(GRPC_FUZZ)/o/gen/%.o)

.PHONY: check-fuzz-grpc deep-fuzz-grpc
.SECONDARY: $(GRPC_FUZZ_GEN) $(GRPC_FUZZ_OBJECTS)

$(GRPC_FUZZ)/gen/grpc/%.pb-c.c: $(GRPC_LIB)/proto/%.proto $(SETUP)
	@mkdir -p $(@D)
	@protoc-c -I $(<D) --c_out=$(@D) $<

$(GRPC_FUZZ)/gen/grpc/descriptor_set.c: $(wildcard $(GRPC_LIB)/proto/*.proto) $(SETUP)
	@mkdir -p $(@D)
	@python3 $(GRPC_LIB)/embed.py protoc $(GRPC_LIB)/proto $@ $(sort $(filter %.proto,$^))

$(GRPC_FUZZ)/o/gen/%.o: $(GRPC_FUZZ)/gen/%.c
	@mkdir -p $(@D)
	@$(GRPC_FUZZ_CC) -fsanitize=fuzzer-no-link -I$(GRPC_FUZZ)/gen/grpc -c -o $@ $<

$(GRPC_FUZZ)/o/%.o: $(ROOT)/%.c $(GRPC_FUZZ_HEADERS) $(GRPC_FUZZ_GEN)
	@mkdir -p $(@D)
	@$(GRPC_FUZZ_CC) -fsanitize=fuzzer-no-link -Wall -Wextra -Werror -c -o $@ $<

$(GRPC_FUZZ)/fuzz_%: $(GRPC_FUZZ_DIR)/fuzz_%.c $(GRPC_FUZZ_OBJECTS)
	@$(GRPC_FUZZ_CC) -fsanitize=fuzzer -Wall -Wextra -Werror -o $@ $^ \
		-lnghttp2 -lprotobuf-c -lsodium

# Its echo method aborts for payloads that no seed has.
$(GRPC_FUZZ)/planted: $(GRPC_FUZZ_DIR)/fuzz_server.c $(GRPC_FUZZ_DIR)/planted.c $(GRPC_FUZZ_OBJECTS)
	@$(GRPC_FUZZ_CC) -fsanitize=fuzzer -Wall -Wextra -Werror \
		-Wl,--wrap=grpc_call_answer -o $@ $^ -lnghttp2 -lprotobuf-c -lsodium

$(GRPC_FUZZ)/seeds: $(GRPC_FUZZ_DIR)/seeds.py $(SETUP)
	@python3 $< $@

check-fuzz-grpc: $(GRPC_FUZZ_TARGETS:%=$(GRPC_FUZZ)/%) $(GRPC_FUZZ)/planted $(GRPC_FUZZ)/seeds ## short fuzzing of the gRPC layer and the HTTP parser
	@$(GRPC_FUZZ_DIR)/run.sh $(GRPC_FUZZ) runs

deep-fuzz-grpc: $(GRPC_FUZZ_TARGETS:%=$(GRPC_FUZZ)/%) $(GRPC_FUZZ)/planted $(GRPC_FUZZ)/seeds ## fuzzing of the same for ten minutes each
	@$(GRPC_FUZZ_DIR)/run.sh $(GRPC_FUZZ) minutes
