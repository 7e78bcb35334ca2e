#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ten thousand peers: dumps are complete, say when they were interrupted, and
# replace-all works; a listener that overflowed reads again and is right.
. "$(dirname "$0")/lib.sh"

nodes 2
COUNT=10000
mesh 1 interval_ms=2000
key_of 40
check "$COUNT peers" am n1 peers 10 1 2 $COUNT "$REPLY"
am n1 peer-get dump ifindex=10 >/tmp/dump
check "the dump has them all" test "$(grep -c '^peers' /tmp/dump)" = $COUNT
check "in the order of their index, each once" awk '{for(i=1;i<=NF;i++)if($i~/^index=/){n=substr($i,7)+0;if(n<=last)exit 1;last=n}}' /tmp/dump
check "uninterrupted" test "$(grep -c interrupted /tmp/dump)" = 0
get_mesh 1
check "known" is known $((COUNT + 1))

# Membership changes while dumps run: each dump is whole for those who stayed,
# and one that was interrupted says so.
(i=0; while [ $i -lt 60 ] && [ ! -e /tmp/enough ]; do am n1 peers 10 2 20000 8 ""; am n1 peer-del ifindex=10 id="$(printf '%064x' $((20000 + 0x1000000)))"; i=$((i + 1)); done) &
changer=$!
interrupted=0 short=0
for i in $(seq 12); do
	am n1 peer-get dump ifindex=10 >/tmp/dump
	grep -q interrupted /tmp/dump && interrupted=$((interrupted + 1))
	[ "$(awk '{for(i=1;i<=NF;i++)if($i~/^index=/){n=substr($i,7)+0;if(n>1&&n<=10001)c++}}END{print c}' /tmp/dump)" = $COUNT ] || short=$((short + 1))
	[ $interrupted -ge 2 ] && break
done
touch /tmp/enough; wait $changer
check "interrupted dumps say so" test $interrupted -ge 1
check "no dump misses a peer that stayed" test $short = 0

key_of 40
check "replace-all: half of them again" am n1 peers 10 3 2 5000 "$REPLY"
check "replace-all: the rest goes" am n1 peer-del ifindex=10 epoch=3
get_mesh 1
check "replace-all: exactly those are left" is known 5001
am n1 mesh-del ifindex=10

# Overflow: a listener that reads nothing while another node comes and goes.
INTERVAL=50
full_mesh
check "up" all_up
in_ns n1 "$AM" slow 8 >/tmp/slow & slow=$!
wait_for grep -q listening /tmp/slow
for i in 1 2 3 4 5 6; do am n2 mesh-del ifindex=10; mesh 2; peers 2 1; wait_for peer_is 1 2 state $UP; done
touch /tmp/slow.go
wait $slow
check "the listener is told that it missed events" grep -q overflow /tmp/slow
get_mesh 1; field event_seq; have=$REPLY
line=$(grep ' seq=' /tmp/slow | tail -n 1); field seq
check "a gap in the numbers" test "$REPLY" -lt "$have"
check "reading again gives the present state" peer_is 1 2 state $UP
finish
