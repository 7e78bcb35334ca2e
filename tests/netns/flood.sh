#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One member floods with forgeries that look right: no other peer's verdict
# changes, nobody's beats are refused but the flooder's.
. "$(dirname "$0")/lib.sh"

nodes 3
INTERVAL=500
for i in 1 3; do mesh $i; done
peers 1 2 3; peers 3 1
check "up" wait_for peer_is 1 3 state $UP
seed_of 2; seed=$REPLY; id 2; two=$REPLY
listen 1 /tmp/flood.events
get_peer 1 3; field accepted; before=$REPLY
line=$(in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$(printf 'f%063d' 0)" domain="$D" id="$two" inc=9000 seq=1 interval=500 count=20000)
field sent
printf '        offered %s\n' "$REPLY"
get_mesh 1
field drop.rate; rate=$REPLY; field drop.bad_signature
printf '        refused by rate %s, by signature %s\n' "$rate" "$REPLY"
check "most were refused before verification" test "$rate" -gt "$REPLY"
check "no beat of another peer was refused for room" is drop.queue_full 0
check "the other peer's beats go on" wait_for peer_has 1 3 accepted $((before + 3))
get_peer 1 3
check "the other peer stays up" is state $UP
check "the other peer lost nothing to it" is drop.rate 0
check "no verdict changed" test -z "$(grep peer-changed /tmp/flood.events)"
get_peer 1 2
check "the flooder is not up by it" is state $SILENT
line=$(in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 seed="$seed" domain="$D" id="$two" inc=9001 seq=1 interval=500 every=600000 count=3)
check "its good beats are accepted afterwards" wait_for peer_is 1 2 state $UP
finish
