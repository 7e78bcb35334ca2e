#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# How much two bridges carry, and at what price in processor time: one flow, as
# fast as it is given, straight from one to the other. JSON to the file named.
# Usage: bench.py ATTESTMESH-BRIDGE LOAD FILE
import json
import os
import subprocess
import sys
import time

import lab
from lab import PEER, PREFIX, Bridge, wait_for

SECONDS, BYTES = 5, 1452
TICKS = os.sysconf('SC_CLK_TCK')


def cpu_seconds(bridge):
    fields = open('/proc/%d/stat' % bridge.process.pid).read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(program, load):
    with open('/etc/netns/%sa/hosts' % PREFIX, 'a') as hosts:
        hosts.write('%s direct.gw.test\n' % lab.NODE_ADDR['b'])
    bridges = {n: Bridge(program, n) for n in 'ab'}
    try:
        a, b = bridges['a'], bridges['b']
        b.control.ask(lab.LISTEN, b'\1')
        a.control.set_link(PEER['b'], 'direct.gw.test', port=lab.TCP_PORT)
        link = wait_for(lambda: (lambda l: l if l['state'] >= lab.TLS else None)(
            a.control.link(PEER['b'])))
        enter = ['ip', 'netns', 'exec']
        # The leg is unproven until WireGuard answers: one datagram back proves it.
        wg = {n: lab.Wg(n) for n in 'ab'}
        wg['a'].send(lab.data(1), link['local'])
        wg['b'].send(lab.data(2), wg['b'].receive(2)[1])
        wg['a'].receive(2)
        for w in wg.values():
            w.close()
        before = {n: cpu_seconds(x) for n, x in bridges.items()}
        begin = time.monotonic()
        count = subprocess.Popen(enter + [PREFIX + 'b', load, 'count', str(SECONDS + 1)],
                                 stdout=subprocess.PIPE, text=True)
        sent = subprocess.run(enter + [PREFIX + 'a', load, 'send', link['local'][0],
                                       str(link['local'][1]), str(SECONDS), str(BYTES)],
                              capture_output=True, text=True, check=True)
        came = int(count.communicate()[0])
        seconds = time.monotonic() - begin - 1
        cpu = {n: cpu_seconds(x) - before[n] for n, x in bridges.items()}
        counts = a.control.link(PEER['b'])['counts']
        return {'seconds': round(seconds, 2), 'datagram_bytes': BYTES,
                'offered': int(sent.stdout), 'carried': came,
                'dropped_blocked': counts['drop_blocked'],
                'gbit_per_second': round(came * BYTES * 8 / seconds / 1e9, 3),
                'cpu_seconds': {'encapsulate': cpu['a'], 'decapsulate': cpu['b']},
                'gbit_per_cpu_second': round(came * BYTES * 8 / 1e9 / sum(cpu.values()), 3)}
    finally:
        for x in bridges.values():
            x.close()


def main():
    lab.stage_up()
    try:
        result = run(*[os.path.abspath(p) for p in sys.argv[1:3]])
    finally:
        lab.stage_down()
    os.makedirs(os.path.dirname(sys.argv[3]), exist_ok=True)
    with open(sys.argv[3], 'w') as f:
        json.dump(result, f, indent=1)
    print(json.dumps(result))
    return 0 if result['carried'] else 1


if __name__ == '__main__':
    sys.exit(main())
