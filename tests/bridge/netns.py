#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Properties of attestmesh-bridge between two namespaces and a gateway that
# routes by SNI. Datagrams have WireGuard's shapes; what WireGuard itself does
# with them is the guest's test. Usage: netns.py <attestmesh-bridge> [name ...]
import os
import sys
import time
import traceback

import carriage
import control
import lab


def main():
    lab.PROGRAM = os.path.abspath(sys.argv[1])
    tests = [(n, f) for subject in (carriage, control) for n, f in vars(subject).items()
             if n.startswith('test_') and (len(sys.argv) < 3 or n[5:] in sys.argv[2:])]
    failed = 0
    lab.stage_up()
    try:
        print('1..%d' % len(tests), flush=True)
        for number, (name, test) in enumerate(tests, 1):
            begin = time.monotonic()
            try:
                test()
                verdict = 'ok'
            except Exception:
                traceback.print_exc()
                verdict, failed = 'not ok', failed + 1
            print('%s %d - %s # %.1f s' % (verdict, number, name[5:], time.monotonic() - begin),
                  flush=True)
    finally:
        lab.stage_down()
    print('%d passed, %d failed' % (len(tests) - failed, failed))
    return 1 if failed or not tests else 0


if __name__ == '__main__':
    sys.exit(main())
