#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes: up, converged, first converged; what every reader sees of it.
# PLANT=port gives one node another port: then nothing of this may pass.
. "$(dirname "$0")/lib.sh"

nodes 3
line=$($AM module-get)
check "module: interface level" is interface_level 1
check "module: beat version" is beat_version 1
for i in $NODES; do
	if [ "${PLANT:-}" = port ] && [ "$i" = 2 ]; then mesh "$i" port=51888; else mesh "$i"; fi
done
get_mesh 1
check "alone, without peers, not first converged" is first_converged 0
listen 1 /tmp/up.events
for i in $NODES; do peers "$i" $NODES; done
get_peer 1 2
check "a new peer with a key is not unknown" at_least state $SILENT
check "all nodes up and converged" all_up
if [ -n "${PLANT:-}" ]; then finish; fi

get_mesh 1; field digest; digest=$REPLY
for i in 2 3; do
	get_mesh $i
	check "n$i: same digest" is digest "$digest"
	check "n$i: three live" is live 3
	check "n$i: latched" is first_converged 1
	check "n$i: nobody blocks" is blockers 0
	check "n$i: sent without errors" is count.tx_error 0
	check "n$i: nothing refused but early packets" is drop.bad_signature 0
done
check "two-way link" wait_for peer_is 1 2 link 1
check "a round trip was measured" field rtt_us
get_peer 1 2
check "interval of the sender" is beat_interval_ms 200
check "agrees" is agrees 1
line=$(am n1 view-get dump ifindex=10)
check "matrix has three rows" test "$(grep -c '^view' <<<"$line")" = 3
check "every row hears all three" test "$(grep -c 'bitmap=0e ' <<<"$line")" = 3
line=$(am n1 view-get ifindex=10)
check "own row alone" is self 1
check "events: two peers came up" test "$(grep -c "^peer-changed.* new=$UP " /tmp/up.events)" = 2
check "events: converged" grep -q '^converged-changed.*converged=1 first_converged=1' /tmp/up.events
check "events are numbered without a gap" awk '{for(i=1;i<=NF;i++)if($i~/^seq=/){s=substr($i,5);if(last&&s!=last+1)exit 1;last=s}}' /tmp/up.events

get_peer 1 2; field accepted; before=$REPLY
ip -n n1 link set attestmesh0 down; ip -n n1 link set attestmesh0 name other0; ip -n n1 link set other0 up
check "renamed: beats go on" wait_for peer_has 1 2 accepted $((before + 5))
get_mesh 1
check "renamed: new name shown" is ifname other0
finish
