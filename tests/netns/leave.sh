#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Leaving, coming back in the same namespace, and coming back in a fresh one
# with the same floor while the peers keep theirs; two instances of a member.
. "$(dirname "$0")/lib.sh"

nodes 3
full_mesh
check "up" all_up
listen 1 /tmp/leave.events
id 2; two=$REPLY
am n2 mesh-del ifindex=10
check "leaving" wait_for grep -q "id=$two.* new=$DOWN reason=$R_LEAVING flags=$F_LEAVING" /tmp/leave.events
get_peer 1 2
check "the floor is at the incarnation's end" is sequence 18446744073709551615
mesh 2; peers 2 $NODES
get_mesh 2
check "the namespace remembers the incarnation" at_least incarnation 1001
check "revived by the higher incarnation" all_up

am n1 peer-del ifindex=10 id="$two"
get_peer 1 2
check "deleted" test -z "${line##*error=2 *}"
EPOCH=2 peers 1 2
get_peer 1 2
check "the floor survives deletion" at_least incarnation 1001
check "up again" all_up

# A fresh namespace: nothing is remembered there, the peers hold floors.
am n2 mesh-get ifindex=10 >/tmp/leave.before
ip netns del n2
wait_for uplink_gone 2
node_again 2
FLOOR=1000 mesh 2; peers 2 $NODES
check "locked out for two intervals at most" all_up
get_mesh 2
check "by raising its incarnation" at_least count.raises 1
field incarnation; now=$REPLY
line=$(cat /tmp/leave.before); field incarnation
check "past what the peers held" test "$now" -gt "$REPLY"

# A peer that claims more than an hour above the floor is reported, not obeyed.
# The claims come from a test program as member 3; node 2 is another member now,
# so that no raise is used up yet.
am n2 mesh-del ifindex=10; am n3 mesh-del ifindex=10
seed_of 3; seed=$REPLY; id 3; three=$REPLY; id 4
mesh 2 member_id="$REPLY" index=4; peers 2 1 3
claim() { # sequence, incarnation claimed
	in_ns n3 "$BG" from=10.7.0.3 to=10.7.0.2 seed="$seed" domain="$D" id="$three" inc=3000000 seq="$1" floor="$2:5" >/dev/null
	wait_for peer_is 2 3 sequence "$1"
}
listen 2 /tmp/leave.own
# Node 1 still holds the floor of who had this address before, and shows it with
# its first beat: that raise is its own and comes first.
check "node 1 is heard" wait_for peer_is 2 1 state $UP
get_mesh 2; field incarnation; now=$REPLY
claim 1 $((1000 + 3600000))
check "raise-stopped is told" wait_for grep -q "^raise-stopped.*incarnation=3601000" /tmp/leave.own
get_mesh 2
check "and the incarnation stays" is incarnation "$now"
am n2 mesh-set ifindex=10 incarnation_floor=1001
claim 2 $((1000 + 3600000))
get_mesh 2
check "with a higher floor it rises, to the bound" is incarnation 3601001
claim 3 99000000000
check "one witness of two is no twin" test -z "$(grep '^twin' /tmp/leave.own)"
id 1; am n2 peer-del ifindex=10 id="$REPLY"
claim 4 99000000000
check "the only peer's word is: twin" wait_for grep -q '^twin' /tmp/leave.own
get_mesh 2
check "a second raise is not given" is incarnation 3601001
finish
