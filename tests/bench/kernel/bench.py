#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the kernel module costs and how soon it knows: writes kernel.json.

bench.py OUT KERNEL [KIND]...     default: every kind

OUT gets tools, modules, logs and kernel.json; KERNEL is a directory made by
tests/kernels/build.sh uml. Every figure says where it was taken:
  uml       the module in a kernel that is a process: C code at the machine's
            speed, one CPU, no emulation
  uml-jump  the same with a clock that jumps over waiting (time travel): latencies
            are those of timers and decisions, computing takes no time
  tcg       a Debian kernel under software emulation, two CPUs
  userspace the module's pure files in a process of this machine
Only targets of the design decide the exit code: missed ones are named.
"""
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.environ.get('ROOT', os.path.realpath(os.path.join(os.path.dirname(__file__), '../../..')))
HERE = os.path.join(ROOT, 'tests/bench/kernel')
TICKS = os.sysconf('SC_CLK_TCK')
MISS, CONVICT = 3, 5
PEER_BYTES = 2048  # that a peer may take beside its key's table and its view's bitmap
PURE = 'beat view row rowmem link live peers evidence converge'.split()
BEGUN = time.monotonic()


def progress(what):
    print('[%4d s] %s' % (time.monotonic() - BEGUN, what), flush=True)


def sh(*command, **more):
    subprocess.run(command, check=True, cwd=ROOT, **more)


def prepare(out, kernel):
    os.makedirs(out, exist_ok=True)
    flags = ['gcc', '-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-Iinclude/uapi']
    net = 'tests/netns/'
    sh(*flags, net + 'amctl.c', net + 'amctl_nl.c', '-o', out + '/amctl')
    sh(*flags, HERE + '/swarm.c', net + 'amctl_nl.c', '-lsodium', '-o', out + '/swarm')
    sh(*flags, net + 'beatgen.c', '-lsodium', '-o', out + '/beatgen')
    sh(*flags, '-I.', HERE + '/pure.c', 'tests/unit/kmod/sha256.c', *('kmod/%s.c' % p for p in PURE),
       '-lsodium', '-o', out + '/pure')
    with open(out + '/keys', 'w') as keys:
        for i in range(1, 9):
            private = subprocess.check_output(['wg', 'genkey'], text=True).strip()
            public = subprocess.check_output(['wg', 'pubkey'], input=private, text=True).strip()
            seed = '%064x' % (i + 100)
            beat = subprocess.check_output([out + '/beatgen', 'key', seed], text=True).strip()
            keys.write('%d %s %s %s %s\n' % (i, private, public, seed, beat))
    with open(out + '/modules.log', 'w') as log:
        if subprocess.call(['kmod/tools/build', kernel, out + '/uml', 'ARCH=um', 'AMESH_BENCH=1'],
                           cwd=ROOT, stdout=log, stderr=log):
            raise SystemExit('bench: the modules do not build, see ' + log.name)


def words(line):
    return {k: int(v) if re.fullmatch(r'-?\d+', v) else v
            for k, v in re.findall(r'(\S+?)=(\S+)', line)}


def kernel_process(parent):
    """The UML kernel among a process's descendants: the one that is it itself."""
    children = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            stat = open('/proc/%s/stat' % pid).read()
            ppid = int(stat.rsplit(')', 1)[1].split()[1])
            children.setdefault(ppid, []).append((int(pid), stat.split('(', 1)[1]))
        except OSError:
            pass
    todo = [parent]
    while todo:
        for pid, name in children.get(todo.pop(0), []):
            if name.startswith('linux'):
                return pid
            todo.append(pid)
    return None


def cpu_seconds(pid):
    fields = open('/proc/%d/stat' % pid).read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Guest:
    """Runs one kind in a guest; `marks` has wall and kernel CPU time at each."""

    def __init__(self, out, where, kernel, args, env='', seconds=900, memory='1G'):
        name = '%s-%s' % (where, '-'.join(str(a) for a in args))
        self.log = '%s/%s%s.log' % (out, name, env and '-' + re.sub(r'\W+', '-', env))
        modules = '%s/%s' % (out, 'uml') if where != 'tcg' else os.path.join(os.path.dirname(out), 'kmod/6.1')
        command = 'PROVIDER="%s" bash %s/guest.sh %s %s %s' % (
            env, HERE, modules, out, ' '.join(str(a) for a in args))
        if where == 'tcg':
            run = ['tests/qemu/vm', '-q', '-k', kernel]
        else:
            run = ['tests/kernels/uml', '-q', '-k', kernel] + (['-j'] if where == 'uml-jump' else [])
        open(self.log, 'w').close()
        progress('%s: %s' % (where, ' '.join(str(a) for a in args) + (env and ' with ' + env)))
        self.marks = {}
        p = subprocess.Popen(run + ['-m', memory, '-t', str(seconds), '-o', self.log, command], cwd=ROOT,
                             stdout=subprocess.DEVNULL)
        seen = 0
        while p.poll() is None:
            time.sleep(0.02)
            text = open(self.log, errors='replace').read()
            for mark in re.findall(r'^MARK (\S+)', text[seen:], re.M):
                pid = where == 'uml' and kernel_process(p.pid)
                self.marks[mark] = (time.monotonic(), cpu_seconds(pid) if pid else None)
            seen = max(seen, text.rfind('\n') + 1)
        self.lines = open(self.log, errors='replace').read().replace('\r', '').split('\n')
        if p.returncode or any(x.startswith('FAILED') for x in self.lines):
            raise SystemExit('bench: %s failed (%d), see %s' % (name, p.returncode, self.log))

    def all(self, word):
        return [words(x) for x in self.lines if x.startswith(word + ' ')]


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def spread(values):
    return {'n': len(values), 'min': min(values), 'p50': percentile(values, .5), 'p90': percentile(values, .9),
            'p99': percentile(values, .99), 'max': max(values)}


def detection(out, where, kernel, interval_ms, times, nodes):
    g = Guest(out, where, kernel, ['detect', interval_ms, times, nodes])
    found = g.all('detect')
    reasons = {}
    for d in found:
        reasons[d['reason']] = reasons.get(d['reason'], 0) + 1
    names = {3: 'time', 4: 'unreachable', 5: 'observers'}
    bound = (CONVICT + .5) * interval_ms + interval_ms / 8
    ms = spread([d['us'] / 1000 for d in found])
    return {'what': 'detection', 'where': where, 'interval_ms': interval_ms, 'nodes': nodes,
            'bound_ms': bound, 'latency_ms': ms, 'p99_limit_ms': bound + interval_ms,
            'reasons': {names.get(r, str(r)): n for r, n in reasons.items()},
            'load': os.getloadavg()[0],
            'from': 'the cut of the link to the event in userspace'}


def paths(out, kernel, peers, env=''):
    g = Guest(out, 'uml', kernel, ['paths', peers], env)
    rows = []
    for c in g.all('cheap'):
        # Time fills the bucket meanwhile: a few of those find room.
        if c['packets'] - c['counted'] > (16 if c['reason'] == 'rate' else 0):
            raise SystemExit('bench: %s: %d of %d packets took that way' % (
                c['reason'], c['counted'], c['packets']))
        rows.append({'what': 'forged-cheap', 'reason': c['reason'], 'ns': c['picoseconds'] / 1000})
    for v in g.all('verify'):
        forged = v['kind'] == 'forged'
        if v['refused' if forged else 'accepted'] != v['packets']:
            raise SystemExit('bench: verdicts are wrong: %s' % v)
        name = {'forged': 'forged-verified', 'first': 'first-beat-accepted'}.get(v['kind'], 'beat-accepted')
        rows.append({'what': name, 'impl': v['impl'],
                     'receive_ns': v['receive_ns'], 'verify_ns': v['verify_ns'],
                     'ns': v['receive_ns'] + v['verify_ns']})
    for f in g.all('flood'):
        rows.append({'what': 'flood', **f})
    for s in g.all('send'):
        rows.append({'what': 'send', 'sign_ns': s['sign_ns'], 'datagram_ns': s['datagram_ns'],
                     'sent': s['sent'], 'of': s['count']})
    beat = next(r for r in rows if r['what'] == 'beat-accepted')['ns']
    sent = next(r for r in rows if r['what'] == 'send')
    rows.append({'what': 'cpu-computed', 'interval_ms': 2000,
                 'share': round((peers * (beat + sent['datagram_ns']) + sent['sign_ns']) / 2e9, 5),
                 'of': 'beats taken in and datagrams handed to the tunnel, whose own cost is not in it'})
    for r in rows:
        r.update(where='uml', peers=peers, provider=env or 'default')
    return rows


def per_peer(memory, peers):
    """Bytes in use for a peer, and how many of them are its key's table."""
    large = min(peers, 2048)
    return ((memory['empty'] - memory['full']) * 1024 / peers,
            (large * 16384 + (peers - large) * 4096) / peers)


def dumps(out, where, kernel, peers):
    g = Guest(out, where, kernel, ['dumps', peers])
    split = g.lines.index('dumps under change')
    quiet = [words(x) for x in g.lines[:split] if x.startswith('dump ')]
    busy = [words(x) for x in g.lines[split:] if x.startswith('dump ')]
    memory = {m['at']: m['free_kb'] for m in g.all('memory')}
    size = g.all('bytes')[0]
    complete = g.all('complete')[0]
    used, table = per_peer(memory, peers)
    return [
        {'what': 'dump', 'where': where, 'peers': peers, 'bytes': quiet[0]['bytes'],
         'ms': spread([d['us'] / 1000 for d in quiet])},
        {'what': 'dump-under-change', 'where': where, 'peers': peers,
         'interrupted_and_said_so': sum(d['interrupted'] for d in busy), 'dumps': len(busy),
         'fewest': min(d['peers'] for d in busy), 'final': complete['peers'],
         'distinct': complete['distinct'], 'ms': spread([d['us'] / 1000 for d in busy])},
        {'what': 'memory', 'where': where, 'peers': peers, 'bytes_per_peer': round(used),
         'of_which_key_table': round(table), 'beside_table': round(used - table),
         'struct_peer': size['peer'], 'struct_floor': size['floor'], 'struct_slot': size['slot'],
         'slots': size['slots'], 'index_bytes': size['index']},
    ]


def swarm(out, where, kernel, peers, rounds):
    g = Guest(out, where, kernel, ['swarm', peers, rounds])
    state = {s['at']: s for s in g.all('state')}
    sent = [words(x) for x in g.lines if x.startswith('sent=')]
    used, table = per_peer({m['at']: m['free_kb'] for m in g.all('memory')}, peers)
    row = {'what': 'cpu', 'where': where, 'peers': peers, 'interval_ms': 2000, 'rounds': rounds,
           'beats_sent': sent[0]['sent'], 'accepted': state['after']['count.accepted'],
           'peers_up': state['after'].get('peers_up'),
           'bytes_per_peer': round(used), 'of_which_key_table': round(table),
           'view_bitmap': (peers + 2 + 1023) // 1024 * 128,
           'tx_late': state['after']['count.tx_late'] - state['before']['count.tx_late'],
           'tx_again': state['after']['count.tx_again'] - state['before']['count.tx_again'],
           'tx_late_while_configured': state['before']['count.tx_late'],
           'drops': {k[5:]: v for k, v in state['after'].items() if k.startswith('drop.') and v},
           'dump_ms': [d['us'] / 1000 for d in g.all('dump')],
           'how': 'one WireGuard peer owns all addresses; beats signed beforehand in userspace; '
                  'module_cpu has the tunnel of this node\'s own datagrams in it, both ends'}
    if where == 'uml':
        share = {}
        for k in ('with', 'without'):
            (t0, c0), (t1, c1) = g.marks['%s-%d' % (k, peers)], g.marks['%s-%d-end' % (k, peers)]
            # Of the time it should take: a sender that falls behind does the same work.
            share[k] = (c1 - c0) / (rounds * 2)
            row['seconds_' + k] = round(t1 - t0, 2)
        row.update(kernel_cpu=round(share['with'], 4), kernel_cpu_without_mesh=round(share['without'], 4),
                   module_cpu=round(share['with'] - share['without'], 4))
    return row


def largest(out, where, kernel, peers):
    g = Guest(out, where, kernel, ['largest', peers], memory='2G')
    after = g.all('state')[0]
    used, table = per_peer({m['at']: m['free_kb'] for m in g.all('memory')}, peers)
    return {'what': 'largest', 'where': where, 'peers': peers, 'interval_ms': 30000,
            'bytes_per_peer': round(used), 'of_which_key_table': round(table),
            'view_bitmap': (peers + 2 + 1023) // 1024 * 128,
            'beats_sent': [words(x) for x in g.lines if x.startswith('sent=')][0]['sent'],
            'accepted': after['count.accepted'], 'peers_up': after['peers_up']}


def beside(row):
    """What the bound is for: an observer's second bitmap is in it, the first is not."""
    return row['bytes_per_peer'] - row['of_which_key_table'] - row['view_bitmap']


def churn(out, where, kernel, peers, rounds):
    g = Guest(out, where, kernel, ['churn', peers, rounds])
    found, after = g.all('dump'), g.all('state')[0]
    sent = [words(x) for x in g.lines if x.startswith('sent=')]
    return {'what': 'churn', 'where': where, 'peers': peers, 'dumps': len(found),
            'interrupted_and_said_so': sum(d['interrupted'] for d in found),
            'fewest': min(d['peers'] for d in found), 'most': max(d['peers'] for d in found),
            'beats_sent': sent[0]['sent'], 'accepted': after['count.accepted'],
            'peers_up': after['peers_up'], 'stalls': after['count.stalls']}


def userspace(out):
    """What the decisions cost, and the rows of the largest mesh there may be."""
    progress('userspace: pure 100 1000 10000')
    lines = subprocess.check_output([out + '/pure', '100', '1000', '10000'], text=True).split('\n')
    rows = [{'what': 'pure', 'where': 'userspace', **words(x)} for x in lines if x.startswith('pure ')]
    largest = words(next(x for x in lines if x.startswith('rows ')))
    rows.append({'what': 'rows', 'where': 'userspace', 'peers': largest['peers'],
                 'bytes_per_peer': round(largest['bytes'] / largest['peers']),
                 'beside_bitmap': round((largest['bytes'] - largest['bitmaps']) / largest['peers'])})
    return rows


def targets(rows):
    def of(what, **more):
        return [r for r in rows if r['what'] == what and all(r.get(k) == v for k, v in more.items())]
    for r in of('detection', where='uml-jump'):
        yield ('detection p99 at %d ms, %d nodes: within an interval of the bound' %
               (r['interval_ms'], r['nodes']), r['latency_ms']['p99'], r['p99_limit_ms'])
    for r in of('forged-cheap'):
        yield 'forged packet, %s, %d peers: ns' % (r['reason'], r['peers']), r['ns'], 1000
    for r in of('flood', forged=1000):
        yield 'flood: verdicts of others changed', r['verdicts_changed'], 0
        yield 'flood: beats of others not accepted', r['beats'] - r['accepted'], 0
    for r in of('dump', where='uml'):
        yield 'dump of %d peers: ms' % r['peers'], r['ms']['p50'], 100
    for r in of('memory'):
        yield '%d silent peers: bytes a peer beside its table' % r['peers'], r['beside_table'], PEER_BYTES
    for r in of('dump-under-change'):
        yield 'peers missing from a dump under change', max(0, r['peers'] - r['fewest']), 0
    for r in of('churn'):
        yield '%d beating peers, churn: peers missing from a dump' % r['peers'], max(0, r['peers'] - r['fewest']), 0
        yield '%d beating peers, churn: beats not accepted' % r['peers'], r['beats_sent'] - r['accepted'], 0
    for r in of('cpu', where='uml'):
        yield '%d beating peers: beats not accepted' % r['peers'], r['beats_sent'] - r['accepted'], 0
        if r['peers'] >= 10000:  # with fewer it is the mesh's own, and the tunnel's
            yield '%d beating peers: bytes a peer beside table and bitmap' % r['peers'], beside(r), PEER_BYTES
        yield '%d beating peers: datagrams sent late' % r['peers'], r['tx_late'], 0
    for r in of('largest'):
        yield '%d beating peers: beats not accepted' % r['peers'], r['beats_sent'] - r['accepted'], 0
        yield '%d beating peers: bytes a peer beside table and bitmap' % r['peers'], beside(r), PEER_BYTES


def jobs(out, kernel):
    return {
        'userspace': lambda: userspace(out),
        'detect': lambda: [detection(out, 'uml-jump', kernel, ms, times, n)
                           for ms in (2000, 100, 50) for n, times in ((4, 100), (6, 50))] +
                          [detection(out, 'uml', kernel, 50, 40, 4)],
        'paths': lambda: paths(out, kernel, 100) + paths(out, kernel, 1000) + paths(out, kernel, 1000, 'simd=off') +
                         paths(out, kernel, 10000),
        'dumps': lambda: dumps(out, 'uml', kernel, 20000),
        'largest': lambda: [largest(out, 'uml', kernel, 65500)],
        'swarm': lambda: [swarm(out, 'uml', kernel, n, 10) for n in (100, 1000, 10000)] +
                         [churn(out, 'uml', kernel, 10000, 10)],
        'tcg': lambda: [detection(out, 'tcg', '6.1', 100, 40, 4), swarm(out, 'tcg', '6.1', 1000, 5)],
    }


def figure(r):
    """A row of results as (what, of what, figure)."""
    what = r['what']
    peers = '%d peers' % r['peers'] if 'peers' in r else ''
    if what == 'detection':
        ms = r['latency_ms']
        return ('%s at %d ms' % (what, r['interval_ms']), '%d nodes' % r['nodes'],
                'p50 %.0f, p99 %.0f, max %.0f ms (bound %.0f)' % (ms['p50'], ms['p99'], ms['max'], r['bound_ms']))
    if what in ('dump', 'dump-under-change'):
        return what, peers, 'best %.0f, median %.0f ms' % (r['ms']['min'], r['ms']['p50'])
    if what == 'cpu':
        share = '%.2f %% of a CPU, ' % (100 * r['module_cpu']) if 'module_cpu' in r else ''
        return what, peers, '%s%d of %d beats accepted' % (share, r['accepted'], r['beats_sent'])
    if what == 'cpu-computed':
        return what, peers, '%.2f %% of a CPU' % (100 * r['share'])
    if what == 'churn':
        return what, peers, '%d of %d beats accepted, %d dumps' % (r['accepted'], r['beats_sent'], r['dumps'])
    if what == 'memory':
        return what, peers, '%d bytes a peer, %d beside its table' % (r['bytes_per_peer'], r['beside_table'])
    if what == 'largest':
        return 'memory', peers, '%d bytes a peer, %d beside table and bitmap' % (r['bytes_per_peer'], beside(r))
    if what == 'rows':
        return what, peers, '%d bytes a peer beside its bitmap' % r['beside_bitmap']
    if what == 'flood':
        return ('flood of %d' % r['forged'], peers, 'p50 %.1f, p99 %.1f us, %d verdicts changed' % (
            r['p50_ns'] / 1e3, r['p99_ns'] / 1e3, r['verdicts_changed']))
    if what == 'send':
        return what, peers, '%d ns a signature, %d ns a datagram' % (r['sign_ns'], r['datagram_ns'])
    name = ' '.join(filter(None, (what, r.get('reason') or r.get('op') or r.get('impl'))))
    return name, peers, '%d ns' % r['ns']


def show(rows, held):
    print('\n%-9s %-34s %-13s %s' % ('where', 'what', 'of', 'figure'))
    for r in rows:
        print('%-9s %-34s %-13s %s' % ((r['where'],) + figure(r)))
    print('\n%-4s %-68s %12s   %s' % ('', 'target', 'value', 'limit'))
    for h in held:
        print('%-4s %-68s %12.2f   %g' % ('ok' if h['met'] else 'MISS', h['target'], h['value'], h['limit']))


def cpu_model():
    return re.search(r'model name\s*: (.*)', open('/proc/cpuinfo').read()).group(1)


def main():
    out, kernel, kinds = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2]), sys.argv[3:]
    unknown = set(kinds) - set(jobs(out, kernel))
    if unknown:
        raise SystemExit('bench: there is no kind ' + ', '.join(sorted(unknown)))
    progress('tools and modules')
    prepare(out, kernel)
    rows, took = [], {}
    for kind, run in jobs(out, kernel).items():
        if kinds and kind not in kinds:
            continue
        t0 = time.monotonic()
        rows += run()
        took[kind] = round(time.monotonic() - t0)
    held = [{'target': n, 'value': v, 'limit': m, 'met': v <= m} for n, v, m in targets(rows)]
    path = os.environ.get('BENCH_JSON', os.path.join(os.path.dirname(out), 'bench', 'kernel.json'))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as f:
        json.dump({'cpu': cpu_model(), 'has_ifma': 'avx512ifma' in open('/proc/cpuinfo').read(),
                   'cpus': os.cpu_count(), 'load': os.getloadavg()[0], 'seconds': took,
                   'results': rows, 'targets': held}, f, indent=1)
    show(rows, held)
    missed = sum(not h['met'] for h in held)
    print('%d targets met, %d missed in %d s; %s' % (len(held) - missed, missed, time.monotonic() - BEGUN,
                                                    os.path.relpath(path, ROOT)))
    return 1 if missed or not held and not kinds else 0


sys.exit(main())
