#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The agent's socket: attached while it is open, the kernel beats on when it
# closes, for linger.
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
check "killed: its own mesh says so" wait_for mesh_is 2 flags 0
ip netns exec n2 "$AM" own 600 ifindex=10 own linger_ms=1000 & agent=$!
check "a new agent attaches" wait_for peer_is 1 2 beat_flags $F_AGENT
listen 2 /tmp/agent.events
kill -9 $agent; wait $agent 2>/dev/null
check "linger over: mesh gone" wait_for grep -q '^mesh-gone.*gone=3' /tmp/agent.events
check "linger over: it left" wait_for peer_is 1 2 reason $R_LEAVING

finish
