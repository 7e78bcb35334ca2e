# SPDX-License-Identifier: Apache-2.0
# Userspace: libraries, agent, bridge, command line, through Meson. Two builds:
# the product, and the same sources under ASan and UBSan for the tests.

USR := $(O)/usr
USR_ASAN := $(O)/usr-asan
BUILD += build-usr
CHECK += check-usr

.PHONY: build-usr check-usr
build-usr: $(USR)/build.ninja ## agent, bridge, command line, libraries
	ninja -C $(USR)

$(USR)/build.ninja: $(SETUP)
	[ -e $@ ] || meson setup $(USR) $(ROOT)

$(USR_ASAN)/build.ninja: $(SETUP)
	[ -e $@ ] || meson setup -Db_sanitize=address,undefined -Db_lundef=false $(USR_ASAN) $(ROOT)

check-usr: build-usr $(USR_ASAN)/build.ninja ## unit tests of userspace and of the pure kernel files under ASan and UBSan
	meson test -C $(USR) --print-errorlogs --suite dstack
	ninja -C $(USR_ASAN)
	meson test -C $(USR_ASAN) --print-errorlogs --timeout-multiplier 4
	python3 $(ROOT)/tests/unit/summary.py $(USR_ASAN)/meson-logs/testlog.json
