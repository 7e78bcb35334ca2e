#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a debug kernel: the netns suite, then a search for memory that nothing
# points to any more. suite.sh MODULES TOOLS test...
set -u
here=$(cd "$(dirname "$0")" && pwd)
echo clear >/sys/kernel/debug/kmemleak || exit 1
bash "$here/../netns/suite.sh" "$@"
rc=$?
for i in 1 2 3; do
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
done
if grep -q 'unreferenced object' /sys/kernel/debug/kmemleak; then
	echo "  FAIL  memory is lost:"
	head -n 60 /sys/kernel/debug/kmemleak
	rc=1
else
	echo "  ok    no memory is lost"
fi
exit $rc
