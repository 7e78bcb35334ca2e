#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent's socket: attached while it is open, the kernel beats on when it
# closes, for linger. A stall of the whole machine convicts nobody.
. "$(dirname "$0")/lib.sh"

nodes 2
full_mesh
check "up" all_up
get_peer 1 2
check "no agent: no flag" is beat_flags 0
ip netns exec n2 "$AM" own 600 ifindex=10 own & agent=$!
check "attached" wait_for peer_is 1 2 beat_flags $F_AGENT
kill -9 $agent; wait $agent 2>/dev/null
get_peer 1 2; field accepted; before=$REPLY
check "killed: the flag goes" wait_for peer_is 1 2 beat_flags 0
check "killed: beats go on" wait_for peer_has 1 2 accepted $((before + 10))
check "killed: up" peer_is 1 2 state $UP
get_mesh 2
check "killed: its own mesh says so" is flags 0
ip netns exec n2 "$AM" own 600 ifindex=10 own linger_ms=1000 & agent=$!
check "a new agent attaches" wait_for peer_is 1 2 beat_flags $F_AGENT
listen 2 /tmp/agent.events
kill -9 $agent; wait $agent 2>/dev/null
check "linger over: mesh gone" wait_for grep -q '^mesh-gone.*gone=3' /tmp/agent.events
check "linger over: it left" wait_for peer_is 1 2 reason $R_LEAVING

mesh 2 linger_ms=4294967295; peers 2 1
check "up again" all_up
listen 1 /tmp/stall.events
get_mesh 1; field count.stalls; before=$REPLY
hogs() { # nothing else gets a CPU for two seconds; each ends by itself
	local p hog=()
	echo -1 >/proc/sys/kernel/sched_rt_runtime_us
	for p in $(seq "$(nproc)"); do
		chrt -f 98 bash -c 'end=$((SECONDS + 3)); while [ $SECONDS -lt $end ]; do :; done' &
		hog+=($!)
	done
	wait "${hog[@]}"
	echo 950000 >/proc/sys/kernel/sched_rt_runtime_us
}
hogs
stalled() { get_mesh 1 && at_least count.stalls $((before + 1)); }
check "a stall is noticed" wait_for stalled
check "nobody is convicted for it" test -z "$(grep "new=$DOWN" /tmp/stall.events)"
check "up and converged after it" all_up
trusts_itself() { get_mesh 1 && is flags 0; }
check "self-doubt ends" wait_for trusts_itself
finish
