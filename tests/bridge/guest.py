#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# The transport with the real kernel: WireGuard, our modules, two bridges, two
# nodelings, the gateway between them. Runs as root inside the guest:
#   guest.py BRIDGE NODELING ATTESTMESH DIRECTORY_OF_MODULES
import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import lab
from lab import HOST, PREFIX, Bridge, Gateway, Stranger, inside, sh, wait_for

BRIDGE, NODELING, CLI, MODULES = sys.argv[1:5]
INTERVAL_MS = 2000
MESH4 = {'a': '10.77.0.1', 'b': '10.77.0.2'}
MESH6 = {'a': 'fd11:2233:4455::1', 'b': 'fd11:2233:4455::2'}
INDEX = {'a': 0, 'b': 1}
KEY = {n: hashlib.sha256(b'key ' + n.encode()).hexdigest() for n in 'ab'}
PORT = 7777
CROWD = 24


class Node:
    """Bridge and nodeling of one namespace, and the keys that it prints."""

    def __init__(self, name, gateway_options):
        self.name = name
        self.options = gateway_options
        self.directory = tempfile.mkdtemp(prefix='amguest')
        self.last, self.events = {}, []
        self.bridge = self.agent = None
        self.start_bridge()
        self.start_agent()

    def start_bridge(self):
        self.bridge = Bridge(BRIDGE, self.name, directory=self.directory, **self.options)

    def start_agent(self):
        self.last = {}
        self.agent = subprocess.Popen(
            ['ip', 'netns', 'exec', PREFIX + self.name, NODELING, self.directory, KEY[self.name],
             str(INDEX[self.name]), '10.77.0.0', '16', MESH4[self.name], MESH6[self.name],
             str(INTERVAL_MS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if not os.environ.get('VERBOSE') else None, text=True)
        self.keys = json.loads(self.agent.stdout.readline())
        threading.Thread(target=self.read, args=(self.agent.stdout,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            one = json.loads(line)
            if 'event' in one:
                self.events.append(one)
            else:
                self.last = one

    def peers(self, others):
        for o in others:
            self.agent.stdin.write('peer %s %d %s %s %s %s %s %d\n' % (
                bytes([INDEX[o.name] + 1] * 32).hex(), INDEX[o.name], o.keys['wg_pub'],
                o.keys['beat_pub'], MESH4[o.name], MESH6[o.name], HOST[o.name], 443))
        self.agent.stdin.write('go\n')
        self.agent.stdin.flush()

    def show(self):
        out = subprocess.run(['ip', 'netns', 'exec', PREFIX + self.name, CLI, 'show', '--json'],
                             capture_output=True, text=True)
        meshes = json.loads(out.stdout) if out.returncode == 0 else []
        return meshes[0] if meshes else None

    def cli(self, *words):
        return subprocess.run(['ip', 'netns', 'exec', PREFIX + self.name, CLI, *words],
                              capture_output=True, text=True, env=dict(
                                  os.environ, RUNTIME_DIR=self.directory))

    def peer_state(self):
        shown = self.show()
        return shown['peers'][0]['state'] if shown and shown['peers'] else None

    def kill(self, what):
        process = self.agent if what == 'agent' else self.bridge.process
        process.kill()
        process.wait()

    def end(self):
        for what in ('agent', 'bridge'):
            self.kill(what)
        shutil.rmtree(self.directory, ignore_errors=True)


def passes(a, b, family=socket.AF_INET, timeout_s=0.7):
    """A datagram goes from a to b over the mesh, and back."""
    addresses = MESH4 if family == socket.AF_INET else MESH6
    try:
        with inside(a):
            one = socket.socket(family, socket.SOCK_DGRAM)
            one.bind((addresses[a], 0))
        with inside(b):
            two = socket.socket(family, socket.SOCK_DGRAM)
            two.bind((addresses[b], PORT))
    except OSError:
        return False
    try:
        for s in (one, two):
            s.settimeout(timeout_s)
        one.sendto(b'there', (addresses[b], PORT))
        data, source = two.recvfrom(100)
        two.sendto(b'back', source[:2])
        return data == b'there' and one.recvfrom(100)[0] == b'back'
    except OSError:
        return False
    finally:
        one.close()
        two.close()


def until_passes(limit_s):
    """Seconds until datagrams pass both ways, asked by both sides; None: never."""
    begin = time.monotonic()
    while time.monotonic() - begin < limit_s:
        if passes('a', 'b'):
            return time.monotonic() - begin
    return None


class Stage:
    def __init__(self):
        lab.stage_up()
        self.gateway = Gateway()
        self.options = {'GATEWAY_IDLE_SECS': 60}
        self.node = {n: Node(n, self.options) for n in 'ab'}
        self.introduce()

    def introduce(self):
        a, b = self.node['a'], self.node['b']
        a.peers([b])
        b.peers([a])

    def both_up(self):
        return all(self.node[n].peer_state() == 'up' for n in 'ab')

    def converged(self):
        return all((self.node[n].show() or {}).get('converged') for n in 'ab')

    def restart_node(self, name, prepare=None):
        """Everything of the node but its key goes and comes. prepare is called
        when the namespace is there."""
        node = self.node[name]
        node.kill('agent')
        node.kill('bridge')
        sh('ip', 'netns', 'del', PREFIX + name)
        self.remake_namespace(name)
        if prepare:
            prepare()
        node.start_bridge()
        node.start_agent()
        node.peers([self.node['b' if name == 'a' else 'a']])

    def remake_namespace(self, name):
        ns = PREFIX + name
        sh('ip', 'netns', 'add', ns)
        sh('ip', '-n', ns, 'link', 'set', 'lo', 'up')
        # The veth's other end goes with the namespace, later than the command.
        wait_for(lambda: subprocess.run(['ip', '-n', PREFIX + 'g', 'link', 'show', 'v' + name],
                                        capture_output=True).returncode)
        lab.uplink_add(name)

    def end(self):
        for n in self.node.values():
            n.end()
        self.gateway.close()
        lab.stage_down()


def note(text, seconds):
    print('# %s: %s' % (text, 'never' if seconds is None else '%.2f s' % seconds), flush=True)
    return seconds


def test_two_nodes_meet(s):
    assert note('first datagram both ways', until_passes(20)) is not None, s.node['a'].last
    assert passes('a', 'b', socket.AF_INET6)
    assert wait_for(s.both_up, 15, 0.3), s.node['a'].show()
    assert wait_for(s.converged, 15, 0.3)
    a, b = s.node['a'], s.node['b']
    assert wait_for(lambda: a.last['ready'] and b.last['ready'] and a.last['kern'], 5)
    assert a.last['peers'][0]['dialled'] and not b.last['peers'][0]['dialled']
    assert a.show()['flags'] == ['agent']


def test_the_command_line_reads_the_kernel(s):
    a = s.node['a']
    shown = a.show()
    assert shown['mesh_ip'] == MESH4['a'] and shown['mesh_ip6'] == MESH6['a']
    assert shown['drops']['replay'] == 0 and shown['counters']['beats'] > 0
    assert shown['peers'][0]['member_id'] == '02' * 32
    peers = json.loads(a.cli('peers', '--json').stdout)
    assert peers[0]['interface'] == 'attestmesh0' and peers[0]['state'] == 'up'
    matrix = json.loads(a.cli('matrix', '--json').stdout)
    assert {r['index']: r['hears'] for r in matrix} == {0: [0, 1], 1: [0, 1]}, matrix
    assert len(a.cli('peers', '--tab').stdout.split('\n')[0].split('\t')) > 20
    assert 'up' in a.cli('show').stdout and 'hear columns' in a.cli('matrix').stdout
    wrong = a.cli('show', '-i', 'nothere')
    assert wrong.returncode == 1 and 'nothere' in wrong.stderr
    wrong = a.cli('show', '-i', 'lo')
    assert wrong.returncode == 1 and wrong.stderr.strip(), wrong


def test_cuts_are_not_noticed(s):
    events = [len(s.node[n].events) for n in 'ab']
    for _ in range(3):
        s.gateway.cut_all()
        time.sleep(2)
        assert passes('a', 'b')
    time.sleep(4)
    assert s.both_up()
    new = [e for n, seen in zip('ab', events) for e in s.node[n].events[seen:]]
    assert not new, new


def test_an_agent_dies_and_returns(s):
    a, b = s.node['a'], s.node['b']
    seen = len(b.events)
    opened = a.bridge.control.list()[0]
    a.kill('agent')
    assert wait_for(lambda: not b.show()['peers'][0]['agent_attached'], 10, 0.3)
    assert passes('a', 'b') and b.peer_state() == 'up'
    before = a.show()['counters']['beats']
    time.sleep(5)
    assert a.show()['counters']['beats'] > before
    begin = time.monotonic()
    a.start_agent()
    a.peers([b])
    assert wait_for(lambda: a.last.get('ready') and a.last.get('kern'), 5)
    note('agent ready again after', time.monotonic() - begin)
    assert wait_for(lambda: b.show()['peers'][0]['agent_attached'], 6, 0.3)
    now = a.bridge.control.list()[0]
    assert [l['opened'] for l in now.values()] == [l['opened'] for l in opened.values()]
    assert passes('a', 'b')
    assert not b.events[seen:], b.events[seen:]


def test_a_bridge_dies_and_returns(s):
    for name in 'ab':
        s.node[name].kill('bridge')
        s.node[name].start_bridge()
        assert note('bridge of %s back, datagrams after' % name, until_passes(10)) is not None
        assert wait_for(s.both_up, 15, 0.3)


def test_one_node_restarts(s):
    for name in 'ab':
        s.restart_node(name)
        begin = time.monotonic()
        assert note('node %s made anew, datagrams after' % name, until_passes(15)) is not None, (
            s.node['a'].last, s.node['b'].last)
        assert wait_for(lambda: s.both_up() and s.converged(), 15, 0.3), s.node[name].show()
        note('both up and converged after', time.monotonic() - begin)
        # The extra leg, if one was needed, goes.
        assert wait_for(lambda: s.node['b'].last.get('peers') and
                        not s.node['b'].last['peers'][0]['dialled'], 25), s.node['b'].last


def test_both_restart_at_once(s):
    for name in 'ab':
        s.node[name].kill('agent')
        s.node[name].kill('bridge')
        sh('ip', 'netns', 'del', PREFIX + name)
    for name in 'ab':
        s.remake_namespace(name)
        s.node[name].start_bridge()
        s.node[name].start_agent()
    s.introduce()
    begin = time.monotonic()
    assert note('both made anew, datagrams after', until_passes(15)) is not None
    assert wait_for(lambda: s.both_up() and s.converged(), 15, 0.3)
    note('both up and converged after', time.monotonic() - begin)


def test_an_uplink_is_gone_for_a_while(s):
    seen = len(s.node['a'].events)
    lab.uplink('b', False)
    try:
        time.sleep(20)
        states = [e['new'] for e in s.node['a'].events[seen:] if e['event'] == 0]
        assert states == ['suspect', 'down'], states
    finally:
        lab.uplink('b', True)
    begin = time.monotonic()
    assert wait_for(s.both_up, 15, 0.1), (s.node['a'].show(), s.node['a'].last)
    note('up again after', time.monotonic() - begin)
    assert time.monotonic() - begin < 10


def valid_initiation(public_key):
    """An initiation whose first authenticator is right: all that a stranger can
    know is the public key."""
    body = b'\x01\0\0\0' + os.urandom(4 + 32 + 48 + 28)
    key = hashlib.blake2s(b'mac1----' + public_key).digest()
    return body + hashlib.blake2s(body, key=key, digest_size=16).digest() + bytes(16)


def test_strangers_stop_nobody(s):
    b = s.node['b']
    public_key = bytes.fromhex(b.keys['wg_pub'])
    stop = threading.Event()
    crowd = []

    def tell(c):
        try:
            c.send(valid_initiation(public_key))
            return True
        except OSError:
            c.close()
            return False

    def crowding():
        while not stop.is_set():
            crowd[:] = [c for c in crowd if tell(c)]
            if len(crowd) < CROWD:
                try:
                    crowd.append(Stranger('b'))
                except OSError:
                    pass
            time.sleep(0.05)

    thread = threading.Thread(target=crowding, daemon=True)
    thread.start()
    try:
        # As many as this slow machine can keep within a stranger's ten seconds;
        # the listener's own bounds are netns.py's.
        assert wait_for(lambda: b.bridge.control.list()[2]['unproven'] >= CROWD // 2, 60, 0.5)
        seen = len(s.node['a'].events)
        time.sleep(8)
        assert s.both_up(), 'beats stopped'
        assert not s.node['a'].events[seen:]
        s.restart_node('a')
        took = note('handshake among strangers after', until_passes(20))
        print('# %s' % b.bridge.control.list()[2], flush=True)
    finally:
        stop.set()
        thread.join()
        for c in crowd:
            c.close()
    assert took is not None and took < 10
    assert wait_for(s.both_up, 15, 0.3)


def test_down_is_heard_and_leaves_no_way_out(s):
    a, b = s.node['a'], s.node['b']
    seen = len(a.events)
    ran = b.cli('down')
    assert ran.returncode == 1 and 'an agent is attached' in ran.stderr, ran
    b.agent.terminate()
    assert b.agent.wait(5) == 0
    time.sleep(1)
    assert b.peer_state() == 'up', 'the end of an agent changes nothing'
    ran = b.cli('down', '--json')
    assert ran.returncode == 0, ran
    assert json.loads(ran.stdout) == {'mesh': 'left', 'links': 'closed', 'interface': 'deleted'}
    assert wait_for(lambda: [e for e in a.events[seen:] if e['reason'] == 'leaving'], 3)
    with inside('b'):
        s4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sh('ip', '-n', PREFIX + 'b', 'route', 'add', 'default', 'via', lab.GATEWAY_ADDR)
        for sock, to in ((s4, MESH4['a']), (s6, MESH6['a'])):
            try:
                sock.sendto(b'leak', (to, PORT))
                raise AssertionError('a packet left for ' + to)
            except OSError as e:
                assert e.errno in (101, 113), e
            sock.close()
    assert json.loads(b.cli('down', '--json').stdout)['mesh'] == 'absent'
    # It returns like any other.
    b.start_agent()
    b.peers([a])
    assert note('up again after down', until_passes(15)) is not None
    assert wait_for(s.both_up, 15, 0.3)


def test_one_way_egress_is_bridged_by_the_other_side(s):
    # Nobody gets through to b: a, which should dial, cannot.
    s.gateway.refused.add(HOST['b'])
    s.gateway.cut_all()
    s.restart_node('b')
    assert note('b dials, datagrams after', until_passes(25)) is not None, s.node['b'].last
    b = s.node['b']
    assert wait_for(lambda: b.last['peers'] and b.last['peers'][0]['dialled'], 5)
    time.sleep(6)
    assert b.last['peers'][0]['dialled'], 'the only leg that works stays'
    s.gateway.refused.clear()
    assert wait_for(lambda: not b.last['peers'][0]['dialled'], 45, 0.5), b.last
    assert passes('a', 'b') and wait_for(s.both_up, 15, 0.3)


def test_without_ipv6_the_mesh_goes_on(s):
    def off():
        for which in ('all', 'default'):
            sh('ip', 'netns', 'exec', PREFIX + 'b', 'sysctl', '-qw',
               'net.ipv6.conf.%s.disable_ipv6=1' % which)
    s.restart_node('b', off)
    assert note('with IPv4 alone, datagrams after', until_passes(15)) is not None, s.node['b'].last
    assert wait_for(lambda: s.both_up() and s.converged(), 15, 0.3)
    assert s.node['b'].show()['mesh_ip6'] is None
    s.restart_node('b')
    assert wait_for(lambda: passes('a', 'b', socket.AF_INET6), 15)


def test_taken_ports_are_named_and_waited_for(s):
    b = s.node['b']
    taken = []

    def take():
        with inside('b'):
            for kind, port in ((socket.SOCK_DGRAM, 51821), (socket.SOCK_STREAM, 51900)):
                one = socket.socket(socket.AF_INET, kind)
                one.bind(('0.0.0.0', port))
                if kind == socket.SOCK_STREAM:
                    one.listen()
                taken.append(one)
    s.restart_node('b', take)
    assert wait_for(lambda: '51821' in b.last.get('trouble', ''), 5), b.last
    taken[0].close()
    assert wait_for(lambda: '51900' in b.last.get('waiting', ''), 5), b.last
    taken[1].close()
    assert until_passes(15) is not None, b.last
    with inside('b'):
        sh('ip', '-n', PREFIX + 'b', 'link', 'del', 'attestmesh0')
        beats = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        beats.bind(('0.0.0.0', 51820))
    assert wait_for(lambda: 'module: setting the mesh' in b.last.get('kern_waiting', '') and
                    '51820' in b.last['kern_waiting'], 5), b.last
    print('# %s' % b.last['kern_waiting'])
    beats.close()
    assert wait_for(s.both_up, 20, 0.3), b.last


def test_modules_are_loaded_anew_under_the_agents(s):
    a, b = s.node['a'], s.node['b']
    sh('rmmod', 'attestmesh')
    assert wait_for(lambda: not a.last['kern'] and not b.last['kern'], 5), (a.last, b.last)
    assert 'load' in a.last['kern_waiting'] or 'gone' in a.last['kern_waiting'], a.last
    assert passes('a', 'b'), 'WireGuard needs no module of ours'
    sh('insmod', MODULES + '/attestmesh.ko')
    assert wait_for(lambda: a.last['kern'] and b.last['kern'], 5), (a.last, b.last)
    assert wait_for(lambda: s.both_up() and s.converged(), 15, 0.3)


def test_removed_peers_lose_their_place(s):
    a, b = s.node['a'], s.node['b']
    b.peers([])
    assert wait_for(lambda: not b.show()['peers'], 5)
    assert wait_for(lambda: not b.bridge.control.list()[2]['legs'], 5), 'its leg is closed'
    assert not passes('a', 'b')
    b.peers([a])
    assert until_passes(15) is not None
    assert wait_for(s.both_up, 15, 0.3)


def test_a_deleted_device_is_made_again(s):
    sh('ip', '-n', PREFIX + 'a', 'link', 'del', 'attestmesh0')
    assert wait_for(lambda: [e for e in s.node['a'].events if e['event'] == 2], 3)
    assert note('datagrams after', until_passes(15)) is not None
    assert wait_for(s.both_up, 15, 0.3)


def modules():
    kernel = os.environ['VM_KERNEL']
    for name in ('wireguard', 'veth', 'bridge'):
        sh('modprobe', '-d', kernel, name)
    for name in ('attestmesh_ed25519', 'attestmesh'):
        sh('insmod', '%s/%s.ko' % (MODULES, name))


def main():
    names = sys.argv[5:]
    tests = [(n[5:], f) for n, f in globals().items() if n.startswith('test_')]
    tests = [t for i, t in enumerate(tests) if not i or not names or t[0] in names]
    modules()
    failed = 0
    stage = Stage()
    try:
        for number, (name, test) in enumerate(tests, 1):
            begin = time.monotonic()
            try:
                test(stage)
                verdict = 'ok'
            except Exception:
                traceback.print_exc()
                verdict, failed = 'not ok', failed + 1
            print('%s %d - %s # %.1f s' % (verdict, number, name, time.monotonic() - begin),
                  flush=True)
    finally:
        stage.end()
    log = subprocess.run(['dmesg'], capture_output=True, text=True).stdout
    bad = [l for l in log.split('\n') if any(w in l for w in ('BUG', 'WARNING', 'Oops', 'refcount'))]
    if bad:
        print('not ok - kernel log: %s' % bad[:5])
        failed += 1
    print('%d passed, %d failed' % (len(tests) - failed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
