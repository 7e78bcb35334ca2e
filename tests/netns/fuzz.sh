#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Messages made at random from the netlink spec, while namespaces and interfaces
# come and go. FUZZ_SECS and FUZZ_SEED say how long and which.
. "$(dirname "$0")/lib.sh"

"$TOOLS/fuzz" "${FUZZ_SECS:-5}" "${FUZZ_SEED:-20250401}" "$TOOLS/keys" >/tmp/fuzz.out 2>&1
rc=$?
sed 's/^/        /' /tmp/fuzz.out
check "what the spec forbids is refused with a word, the rest is answered well-formed" test $rc = 0
gone() { grep -q 'meshes 0/.*peers 0/.*sockets 0/' /sys/module/attestmesh/parameters/alive; }
check "nothing is left of its namespaces" wait_for gone
finish
