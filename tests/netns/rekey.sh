#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A peer gets another key: its state is kept, old-key beats no longer verify,
# new ones do and begin a new replay floor; a bad key; no key.
. "$(dirname "$0")/lib.sh"

nodes 2
mesh 1 interval_ms=30000; peers 1 2
seed_of 2; old=$REPLY; seed_of 9; new=$REPLY
id 2; two=$REPLY; key_of 9; newkey=$REPLY
beat() { in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 domain="$D" id="$two" interval=30000 "$@" >/dev/null; }
beat seed=$old inc=5000 seq=10
check "up under the first key" wait_for peer_is 1 2 state $UP
am n1 peer-set ifindex=10 epoch=1 peer="$two,2,10.7.0.2,fd77::2,$newkey"
get_peer 1 2
check "still up: an answer is owed" is state $UP
check "the floor is new" is sequence 0
beat seed=$old inc=5000 seq=11
check "the old key no longer counts" wait_for peer_is 1 2 drop.bad_signature 1
beat seed=$new inc=1 seq=1
check "the new one does, from any number on" wait_for peer_is 1 2 incarnation 1
am n1 peer-set ifindex=10 epoch=2 peer="$two,2,10.7.0.2,fd77::2,$newkey"
get_peer 1 2
check "the same again changes the epoch alone" is epoch 2
check "and keeps the floor" is incarnation 1
listen 1 /tmp/rekey.events
bad_keys=(
	"2 edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
	"3 0200000000000000000000000000000000000000000000000000000000000000"
	"4 0100000000000000000000000000000000000000000000000000000000000000"
	"4 ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
)
for bad in "${bad_keys[@]}"; do
	am n1 peer-set ifindex=10 epoch=2 peer="$two,2,10.7.0.2,fd77::2,${bad#* }"
	get_peer 1 2
	check "key ${bad#* }: unknown" is state $UNKNOWN
	check "key ${bad#* }: status" is key_status "${bad%% *}"
done
check "event: unknown by its key" grep -q "new=$UNKNOWN reason=$R_KEY" /tmp/rekey.events
am n1 peer-set ifindex=10 epoch=2 peer="$two,2,10.7.0.2,fd77::2,"
get_peer 1 2
check "no key: unknown" is key_status 0
peers 1 2
get_peer 1 2
check "a good key again: silent" is state $SILENT
beat seed=$old inc=5000 seq=12
check "up again" wait_for peer_is 1 2 state $UP

# The same under load: keys change while beats arrive.
(for i in $(seq 20); do am n1 peer-set ifindex=10 epoch=3 peer="$two,2,10.7.0.2,fd77::2,$newkey"; peers 1 2; done) &
changer=$!
in_ns n2 "$BG" from=10.7.0.2 to=10.7.0.1 domain="$D" id="$two" interval=50 seed=$old inc=6000 seq=1 count=300 every=5000 >/dev/null
wait $changer

# A key that changes between a beat's arrival and its verification: with one CPU
# nothing comes between the two.
if [ "$(nproc)" -gt 1 ]; then
	key_of 2; first=$REPLY
	ip netns exec n1 "$AM" rekey 600 10 "$two,2,10.7.0.2,fd77::2,$newkey" "$two,2,10.7.0.2,fd77::2,$first" & changer=$!
	# One by one: beats that come together are verified together.
	ip netns exec n2 "$BG" from=10.7.0.2 to=10.7.0.1 domain="$D" id="$two" seed=$old inc=6001 seq=1 \
		interval=50 count=100000 every=10000 >/dev/null & sender=$!
	stale_seen() { get_peer 1 2 && at_least drop.stale_key 3; }
	check "beats under a key replaced meanwhile are counted so" wait_for stale_seen
	kill $sender $changer; wait $sender $changer 2>/dev/null
fi
EPOCH=10 peers 1 2
sleep .3 # what came under load has used up the rate that is granted
beat seed=$old inc=7000 seq=1
check "after changes under load: up" wait_for peer_is 1 2 incarnation 7000
finish
