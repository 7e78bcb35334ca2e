#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A node's uplink is cut: suspect, then down by time with two nodes and by the
# observers with five; up again when the uplink is back.
. "$(dirname "$0")/lib.sh"

nodes 5
for i in 1 2; do mesh $i; done
peers 1 2; peers 2 1
listen 1 /tmp/down.events
check "two nodes up" wait_for peer_is 1 2 state $UP
check "and converged" wait_for mesh_is 1 first_converged 1
uplink 2 down
check "suspect first" wait_for grep -q "old=$UP new=$SUSPECT reason=$R_SILENCE" /tmp/down.events
check "then down, by time" wait_for grep -q "old=$SUSPECT new=$DOWN reason=$R_TIME" /tmp/down.events
get_mesh 1
check "alone and converged with itself" is live 1
check "the latch stays" is first_converged 1
uplink 2 up
check "up again by its next beat" wait_for grep -q "old=$DOWN new=$UP reason=$R_BEAT" /tmp/down.events

for i in 3 4 5; do mesh $i; done
for i in $NODES; do peers $i $NODES; done
check "five nodes up and converged" all_up
: >/tmp/down.events
listen 1 /tmp/down5.events
id 5; five=$REPLY
uplink 5 down
check "five: down" wait_for grep -q "id=$five.* new=$DOWN" /tmp/down5.events
line=$(grep "id=$five.* new=$DOWN" /tmp/down5.events)
check "five: convicted by the observers" is reason $R_OBSERVERS
check "the others agree on it" wait_for mesh_is 1 converged 1
check "the cut node convicts all others by time" wait_for mesh_is 5 peers_down 4
get_peer 5 1
check "with nobody to ask the reason is time" is reason $R_TIME
uplink 5 up
check "all up again" all_up
finish
