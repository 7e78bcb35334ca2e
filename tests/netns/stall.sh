#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A stall of the whole machine is noticed, convicts nobody, and passes.
. "$(dirname "$0")/lib.sh"

nodes 2
full_mesh
check "up" all_up
listen 1 /tmp/stall.events
get_mesh 1; field count.stalls; before=$REPLY
# Every CPU at once: with one of them free this module goes on while WireGuard's
# per-CPU works stand still on the other, which is an outage, no stall.
# Since 6.12 a server of the scheduler's gives the others 50 ms of each second.
fair() { # runtime in nanoseconds
	local f
	for f in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
		[ ! -e "$f" ] || echo "$1" >"$f"
	done
}
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
fair 0
check "every CPU was taken" "$TOOLS/hog" 3
fair 50000000
echo 950000 >/proc/sys/kernel/sched_rt_runtime_us
stalled() { get_mesh 1 && at_least count.stalls $((before + 1)); }
check "a stall is noticed" wait_for stalled
check "up and converged after it" all_up
nobody_down() { [ -s /tmp/stall.events ] && ! grep "new=$DOWN" /tmp/stall.events; }
check "nobody was convicted for it" nobody_down
trusts_itself() { get_mesh 1 && is flags 0; }
check "self-doubt ends" wait_for trusts_itself
finish
