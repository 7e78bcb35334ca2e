#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The long run of the fuzzer: passes its lines on as they come, and writes what
came of it as the row of a report: deep.py ROWS COMMAND... Knows nothing of the
cases."""
import json
import os
import subprocess
import sys
import time


def main():
    rows, command = sys.argv[1], sys.argv[2:]
    start, last = time.monotonic(), 'said nothing'
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        for line in run.stdout:
            print(line, end='', flush=True)
            last = line.strip() or last
    passed = run.returncode == 0
    row = {'suite': 'Ed25519, differential cases', 'kernel': 'userspace',
           'result': 'pass' if passed else 'fail',
           'seconds': round(time.monotonic() - start), 'detail': last}
    with open(rows + '.tmp', 'w') as f:
        json.dump([row], f, indent=2)
        f.write('\n')
    os.replace(rows + '.tmp', rows)
    print('%d passed, %d failed (%s)' % (passed, not passed, last))
    return 0 if passed else 1


sys.exit(main())
