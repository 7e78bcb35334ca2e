#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Properties of attestmesh-bridge between two namespaces and a gateway that
# routes by SNI. Datagrams have WireGuard's shapes; what WireGuard itself does
# with them is the guest's test. Usage: netns.py <attestmesh-bridge> [name ...]
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import traceback

import lab
from lab import (Bridge, Control, Gateway, HOST, PEER, Stranger, Wg, data, initiation, response,
                 tag_of, wait_for)

PROGRAM = None


class Pair:
    """Two bridges, two stand-ins for WireGuard, one gateway; a dials b."""

    def __init__(self, interval_ms=0, listen=True, link=True, **options):
        self.wg, self.bridge = {}, {}
        self.gateway = Gateway()
        try:
            self.begin(interval_ms, listen, link, options)
        except BaseException:
            self.__exit__()
            raise

    def begin(self, interval_ms, listen, link, options):
        for n in 'ab':
            self.wg[n] = Wg(n)
            self.bridge[n] = Bridge(PROGRAM, n, **options)
        if listen:
            assert self.bridge['b'].control.ask(lab.LISTEN, b'\1')[0] == 0
        if link:
            assert self.bridge['a'].control.set_link(PEER['b'], HOST['b'],
                                                     interval_ms=interval_ms) == (0, '')

    def link(self):
        return self.bridge['a'].control.link(PEER['b'])

    def legs(self):
        return self.bridge['b'].control.list()[1]

    def connect(self):
        """Link open; returns the port that WireGuard on a would send to."""
        assert wait_for(lambda: self.link()['state'] >= lab.TLS), self.link()
        return self.link()['local']

    def to_b(self, datagram, timeout_s=2):
        self.wg['a'].send(datagram, self.link()['local'])
        return self.wg['b'].receive(timeout_s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gateway.close()
        codes = [b.close() for b in self.bridge.values()]
        for wg in self.wg.values():
            wg.close()
        if sys.exc_info()[0] is None:
            assert codes == [0, 0], codes


def test_datagrams_pass_both_ways_unchanged():
    with Pair() as p:
        here = p.connect()
        first = initiation(7)[:8] + os.urandom(140)
        got = p.to_b(first)
        assert got and got[0] == first
        there = got[1]
        assert there[0].startswith('127.9') or there[0].startswith('127.1'), there
        assert not p.legs()[0]['proven']
        answer = response(9)[:8] + os.urandom(84)
        p.wg['b'].send(answer, there)
        got = p.wg['a'].receive(2)
        assert got and got[0] == answer and got[1] == here
        assert p.legs()[0]['proven']
        assert wait_for(lambda: p.link()['state'] == lab.UP)
        for size in (32, 33, 1452, 2048):
            body = data(1, size)[:8] + os.urandom(size - 8)
            assert p.to_b(body)[0] == body
        assert p.gateway.names == [HOST['b']]


def test_only_wireguards_shapes_pass():
    with Pair() as p:
        here = p.connect()
        bad = [b'\x01\0\0\0' + bytes(143), b'\x01\0\0\0' + bytes(145), b'\x02\0\0\0' + bytes(87),
               b'\x03\0\0\0' + bytes(61), b'\x04\0\0\0' + bytes(27), b'\x05\0\0\0' + bytes(60),
               b'\x04\x01\0\0' + bytes(60), b'\x04\0\0\x01' + bytes(60), b'', b'\x04',
               b'\x04\0\0\0' + bytes(2045)]
        for datagram in bad:
            p.wg['a'].send(datagram, here)
        good = [initiation(1), response(2), b'\x03\0\0\0' + bytes(60), data(4, 32)]
        for datagram in good:
            p.wg['a'].send(datagram, here)
        got = [p.wg['b'].receive(2)[0] for _ in good]
        assert got == good
        assert not p.wg['b'].receive(0.2)
        assert p.link()['counts']['drop_shape'] == len(bad)
        # The same from outside, past the dialling bridge.
        stranger = Stranger('b')
        stranger.send(*[d for d in bad if d and len(d) <= 2048], data(5, 32))
        assert p.wg['b'].receive(2)[0] == data(5, 32)
        assert not p.wg['b'].receive(0.2)
        # A frame longer than any datagram ends the connection.
        stranger.socket.sendall(struct.pack('>H', 2049))
        assert stranger.closed(2)
        stranger.close()


def test_what_comes_with_the_end_of_the_handshake_passes_at_once():
    with Pair(link=False) as p:
        for i in range(20):
            raw = lab.dial_and_send_at_once('b', initiation(i))
            got = p.wg['b'].receive(2)
            assert got and tag_of(got[0]) == i, (i, got)
            raw.close()


def test_batches_keep_order_and_bytes():
    with Pair() as p:
        here = p.connect()
        sizes = [32 + (i * 37) % 1400 for i in range(400)]
        sent = [data(i, n)[:8] + os.urandom(n - 8) for i, n in enumerate(sizes)]
        got = []
        for i in range(0, len(sent), 20):
            for datagram in sent[i:i + 20]:
                p.wg['a'].send(datagram, here)
            got += [p.wg['b'].receive(2)[0] for _ in range(20)]
        assert got == sent
        counts = p.link()['counts']
        assert counts['to'] == 400 and counts['to_bytes'] == sum(sizes)


def test_a_cut_link_is_redialled_on_the_same_port():
    with Pair() as p:
        here = p.connect()
        there = p.to_b(data(1))[1]
        for k in range(3):
            p.wg['b'].send(data(2), there)
            assert wait_for(lambda: p.link()['state'] == lab.UP)
            opened = p.link()['opened']
            p.gateway.cut_all()
            assert wait_for(lambda: p.link()['opened'] > opened, 3)
            assert p.link()['local'] == here
            there = p.to_b(data(10 + k))[1]
        assert p.link()['cuts'] == 3


def test_a_restarted_bridge_gets_its_port_again():
    with Pair() as p:
        here = p.connect()
        assert p.bridge['a'].close() == 0
        p.bridge['a'] = Bridge(PROGRAM, 'a')
        assert p.bridge['a'].control.set_link(PEER['b'], HOST['b'], want=here) == (0, '')
        assert p.connect() == here
        # A port that is taken is no reason to refuse.
        other = b'o' * 32
        assert p.bridge['a'].control.set_link(other, HOST['b'], want=here) == (0, '')
        assert p.bridge['a'].control.link(other)['local'] != here
        # Nor is one outside our range given.
        third = b't' * 32
        p.bridge['a'].control.set_link(third, HOST['b'], want=('127.0.0.1', 40000))
        assert p.bridge['a'].control.link(third)['local'][0].startswith('127.')
        assert p.bridge['a'].control.link(third)['local'] != ('127.0.0.1', 40000)


def test_links_outlive_the_client_and_end_by_order():
    with Pair() as p:
        here = p.connect()
        p.bridge['a'].control.close()
        time.sleep(0.2)
        p.wg['a'].send(data(3), here)
        assert p.wg['b'].receive(2)[0] == data(3)
        p.bridge['a'].control = Control(p.bridge['a'].path)
        assert p.link()['opened'] == 1
        assert p.bridge['a'].control.set_link(PEER['b'], HOST['b']) == (0, '')
        assert p.link()['opened'] == 1
        assert p.bridge['a'].control.ask(lab.LINK_DEL, PEER['b'])[0] == 0
        assert p.bridge['a'].control.ask(lab.LINK_DEL, PEER['b'])[0] == 2
        assert not p.link()
        assert wait_for(lambda: not p.legs(), 3)
        p.bridge['a'].control.set_link(PEER['b'], HOST['b'])
        p.connect()
        assert p.bridge['a'].control.ask(lab.CLEAR)[0] == 0
        assert not p.link()


def renewals(p, seconds):
    """Sends both ways for so long; (sent, arrived at b, arrived at a)."""
    here = p.connect()
    there = p.to_b(data(0))[1]
    sent = at_b = at_a = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sent += 1
        p.wg['a'].send(data(sent), here)
        p.wg['b'].send(data(sent), there)
        time.sleep(0.02)
        for _, there in p.wg['b'].drain():   # WireGuard would roam like this
            at_b += 1
        at_a += len(p.wg['a'].drain())
    time.sleep(0.3)
    return sent, at_b + len(p.wg['b'].drain()), at_a + len(p.wg['a'].drain())


def test_links_are_renewed_before_the_cut_without_loss():
    with Pair(GATEWAY_CUT_SECS=5) as p:
        p.gateway.cut_s = 5
        sent, at_b, at_a = renewals(p, 9)
        link = p.link()
        assert p.gateway.cuts == 0 and link['cuts'] == 0, (p.gateway.cuts, link['cuts'])
        assert link['renewals'] >= 3, link['renewals']
        assert (at_b, at_a) == (sent, sent), (sent, at_b, at_a)


def test_without_renewal_the_gateway_cuts():
    with Pair() as p:
        p.gateway.cut_s = 3
        renewals(p, 4)
        assert p.gateway.cuts == 1 and p.link()['cuts'] == 1 and p.link()['renewals'] == 0


def test_a_silent_direction_is_kept_open():
    with Pair(GATEWAY_IDLE_SECS=2) as p:
        p.gateway.idle_s = 2
        p.connect()
        there = p.to_b(data(1))[1]
        p.wg['b'].send(data(2), there)       # proven, else it is a stranger
        time.sleep(5)
        assert p.gateway.idles == 0 and p.link()['cuts'] == 0
        assert p.to_b(data(3))[1] == there
        # Empty frames never reach WireGuard.
        assert not p.wg['b'].receive(0.1) and p.wg['a'].receive(0)[0] == data(2)


def test_without_keeping_the_gateway_idles_out():
    with Pair() as p:
        p.gateway.idle_s = 1
        p.connect()
        assert wait_for(lambda: p.gateway.idles > 0, 4)


def test_silence_replaces_the_connection():
    with Pair(interval_ms=500) as p:
        p.connect()
        there = p.to_b(data(1))[1]
        p.wg['b'].send(data(2), there)
        assert wait_for(lambda: p.link()['state'] == lab.UP)
        begin = time.monotonic()
        p.gateway.frozen = True              # accepts and copies nothing
        for pair in p.gateway.pairs:
            pair['lost'] = True
        p.gateway.pairs, lost = [], p.gateway.pairs
        p.gateway.frozen = False
        assert wait_for(lambda: p.link()['silences'] == 1, 8)
        assert 2.5 < time.monotonic() - begin, 'replaced too early'
        assert wait_for(lambda: p.link()['opened'] == 2, 3)
        assert p.to_b(data(3))[0] == data(3)
        assert p.link()['cuts'] == 0
        # It brought nothing: the next one waits twice as long.
        time.sleep(4)
        assert p.link()['silences'] == 1
        for pair in lost:
            for s in pair['ends']:
                s.close()


def test_a_missing_listener_is_retried_quickly():
    with Pair(listen=False) as p:
        time.sleep(2)
        link = p.link()
        assert link['state'] in (lab.WAITING, lab.DIALLING)
        assert 4 <= link['dials'] <= 9, link['dials']
        assert link['error']
        assert p.bridge['b'].control.ask(lab.LISTEN, b'\1')[0] == 0
        assert wait_for(lambda: p.link()['state'] == lab.TLS, 1)


def test_an_uplink_that_returns_carries_again():
    with Pair(interval_ms=500) as p:
        p.connect()
        there = p.to_b(data(1))[1]
        p.wg['b'].send(data(2), there)
        lab.uplink('a', False)
        try:
            assert wait_for(lambda: p.link()['silences'] > 0, 6)
            time.sleep(6)
        finally:
            lab.uplink('a', True)
        begin = time.monotonic()

        def passes():
            p.wg['a'].send(data(3), p.link()['local'])
            return p.wg['b'].receive(0.1)
        assert wait_for(passes, 8), p.link()
        sys.stderr.write('# carries again %.1f s after the uplink\n' % (time.monotonic() - begin))


def test_strangers_are_few_short_and_slow():
    with Pair() as p:
        here = p.connect()
        there = p.to_b(data(1))[1]
        p.wg['b'].send(data(2), there)
        assert wait_for(lambda: p.legs()[0]['proven'])
        with lab.inside('g'):
            crowd = [socket.create_connection((lab.NODE_ADDR['b'], lab.TCP_PORT), timeout=5)
                     for _ in range(300)]

        def full():
            status = p.bridge['b'].control.list()[2]
            return (status['unproven'], status['evicted'], status['legs']) == (256, 44, 1)
        assert wait_for(full, 4), p.bridge['b'].control.list()[2]
        # An honest newcomer gets in, and the proven leg carries on.
        late = Stranger('b')
        late.send(data(77))
        assert tag_of(p.wg['b'].receive(2)[0]) == 77
        assert p.to_b(data(5))[1] == there
        p.wg['b'].drain()
        # Four handshake messages a second from each of them.
        late.send(*[initiation(i) for i in range(20)])
        time.sleep(0.3)
        assert len(p.wg['b'].drain()) == 4
        time.sleep(1)
        late.send(*[initiation(i) for i in range(20)])
        time.sleep(0.3)
        got = p.wg['b'].drain()
        assert len(got) == 4
        # A cookie reply proves nothing, data does.
        p.wg['b'].send(b'\x03\0\0\0' + bytes(60), got[0][1])
        time.sleep(0.2)
        assert p.bridge['b'].control.list()[2]['legs'] == 1
        p.wg['b'].send(data(6), got[0][1])
        assert wait_for(lambda: p.bridge['b'].control.list()[2]['legs'] == 2)
        late.send(*[initiation(i) for i in range(20)])
        time.sleep(0.3)
        assert len(p.wg['b'].drain()) == 20
        # The rest is gone after ten seconds, and not before.
        last = Stranger('b')
        assert not last.closed(8.5)
        assert last.closed(4)
        assert wait_for(lambda: not p.bridge['b'].control.list()[2]['unproven'], 2)
        assert not late.closed(0.2)
        assert p.to_b(data(8))[1] == there
        for s in crowd + [late, last]:
            s.close()


def test_connections_are_taken_at_a_bounded_rate():
    with Pair(link=False) as p:
        control = p.bridge['b'].control
        begin = time.monotonic()
        flood = []
        with lab.inside('g'):
            for _ in range(2000):
                s = socket.socket()
                s.setblocking(False)
                s.connect_ex((lab.NODE_ADDR['b'], lab.TCP_PORT))
                flood.append(s)
        most = 0
        while time.monotonic() - begin < 2.5:
            status = control.list()[2]
            taken = status['unproven'] + status['evicted'] + status['expired']
            # One window may end and the next begin within a second's half.
            assert taken <= 512 * (int(time.monotonic() - begin) + 2), (taken, status)
            most = max(most, taken)
            time.sleep(0.05)
        assert most >= 512, most
        for s in flood:
            s.close()


def test_a_stranger_is_read_slowly_and_a_peer_is_not():
    def pour(s, seconds):
        """Bytes of empty frames that the other end took in so long."""
        s.socket.settimeout(0.2)
        sent, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                sent += s.socket.send(bytes(1 << 16))
            except (TimeoutError, ssl.SSLWantWriteError):
                pass
        return sent
    with Pair(link=False) as p:
        stranger, peer = Stranger('b'), Stranger('b')
        peer.send(data(1))
        p.wg['b'].send(data(2), p.wg['b'].receive(2)[1])
        assert wait_for(lambda: p.bridge['b'].control.list()[2]['legs'] == 1)
        slow, quick = pour(stranger, 3), pour(peer, 3)
        sys.stderr.write('# stranger %.1f MB, peer %.1f MB\n' % (slow / 1e6, quick / 1e6))
        # What the sockets hold comes on top of four seconds' allowance.
        assert slow < 40e6 and quick > 2 * slow, (slow, quick)
        stranger.close()
        peer.close()


def test_each_leg_has_an_address_of_its_own():
    with Pair() as p:
        strangers = [Stranger('b') for _ in range(5)]
        for i, s in enumerate(strangers):
            s.send(data(i))
        sources = {p.wg['b'].receive(2)[1][0] for _ in strangers}
        assert len(sources) == 5
        for a in sources:
            assert struct.unpack('>I', socket.inet_aton(a))[0] >> 22 == 0x7f400000 >> 22
        for s in strangers:
            s.close()


def test_a_blocked_link_drops_data_and_keeps_handshakes():
    with Pair() as p:
        here = p.connect()
        p.gateway.frozen = True
        until = time.monotonic() + 15
        while not p.link()['counts']['drop_blocked'] and time.monotonic() < until:
            for i in range(500):
                p.wg['a'].send(data(i, 1400), here)
        dropped = p.link()['counts']['drop_blocked']
        assert dropped
        p.wg['a'].send(initiation(4242), here)
        time.sleep(0.2)
        assert p.link()['counts']['drop_blocked'] == dropped
        p.gateway.frozen = False
        seen = []

        def arrived():
            seen.extend(d for d, _ in p.wg['b'].drain())
            return any(d[0] == 1 and tag_of(d) == 4242 for d in seen)
        assert wait_for(arrived, 5)


def test_own_and_loopback_addresses_are_not_dialled():
    with Pair(link=False) as p:
        for host in ('self.gw.test', 'loop.gw.test'):
            assert p.bridge['a'].control.set_link(PEER['b'], host, port=51900) == (0, '')
            assert wait_for(lambda: 'this machine' in p.link()['error'], 3), p.link()
            assert p.link()['opened'] == 0
        # The same link, given a good host, comes up.
        p.bridge['a'].control.set_link(PEER['b'], HOST['b'])
        p.connect()
        p.bridge['a'].control.set_link(PEER['b'], 'nowhere.gw.test')
        assert wait_for(lambda: p.link()['error'], 12)
        assert p.link()['state'] == lab.TLS, 'the old connection carries until there is another'


def test_a_leg_is_closed_by_order():
    with Pair() as p:
        p.connect()
        there = p.to_b(data(1))[1]
        p.wg['b'].send(data(2), there)
        assert wait_for(lambda: p.legs()[0]['proven'])
        ipv4 = struct.unpack('>I', socket.inet_aton(there[0]))[0]
        control = p.bridge['b'].control
        assert control.ask(lab.LEG_DEL, struct.pack('@IHxx', ipv4, there[1] ^ 1))[0] == 2
        assert len(p.legs()) == 1
        assert control.ask(lab.LEG_DEL, struct.pack('@IHxx', ipv4, there[1]))[0] == 0
        assert there not in [l['local'] for l in p.legs()]
        assert wait_for(lambda: p.link()['cuts'] == 1, 3)


def hello_as(uid, path):
    """Whether a process of that user gets the bridge's hello."""
    child = os.fork()
    if not child:
        code = 2
        try:
            os.setuid(uid)
            c = Control(path, greet=False)
            code = 0 if c.record()[0] == lab.HELLO else 1
        except (EOFError, ConnectionResetError):
            code = 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1), code
    return code == 0


def test_control_is_bounded_and_versioned():
    with Pair() as p:
        control = p.bridge['a'].control
        assert struct.unpack('@I', control.hello[2][:4])[0] == 1
        p.connect()
        status, text, _ = control.ask(99, b'later')
        assert (status, text) == (95, 'unsupported')
        assert p.link()['state'] == lab.TLS
        # A longer body than we know is read as far as we know it; a shorter as zeros.
        body = struct.pack('@32s254sHHxxII', b'n' * 32, b'x.gw.test', 443, 0, 0, 0)
        assert control.ask(lab.LINK_SET, body + b'future')[0] == 0
        assert control.ask(lab.LINK_SET, body[:288])[0] == 0
        assert control.ask(lab.LINK_SET, body[:200])[0] == 22
        # Who does not say hello, or sends nonsense, is cut off.
        for packet in (struct.pack('@HHI', lab.LIST, 0, 1), b'x', struct.pack('@HHI', 1, 9, 1),
                       bytes(1025)):
            c = Control(p.bridge['a'].path, greet=False)
            c.record()
            c.socket.sendall(packet)
            try:
                c.record()
                raise AssertionError('was not cut off')
            except EOFError:
                c.close()
        extra = [Control(p.bridge['a'].path) for _ in range(7)]
        ninth = Control(p.bridge['a'].path, greet=False)
        try:
            ninth.record()
            raise AssertionError('a ninth client was served')
        except (EOFError, ConnectionResetError):
            pass
        for c in extra + [ninth]:
            c.close()
        # Another user's process is refused even where the path is open to it.
        os.chmod(p.bridge['a'].path, 0o666)
        os.chmod(p.bridge['a'].directory, 0o755)
        for uid, served in ((65534, False), (0, True)):
            assert hello_as(uid, p.bridge['a'].path) == served, uid


def test_random_input_stops_nothing():
    with Pair() as p:
        here = p.connect()
        path = p.bridge['a'].path
        chance = random.Random(20)
        c = None
        for i in range(3000):
            c = c or Control(path)
            body = chance.randbytes(chance.choice((0, 1, 4, 8, 32, 40, 286, 300, 500)))
            kind = chance.choice((chance.randrange(65536), chance.randrange(2, 10)))
            size = len(body) if chance.random() < 0.95 else chance.randrange(65536)
            if kind in (lab.CLEAR, lab.LISTEN):
                continue
            try:
                c.socket.sendall(struct.pack('@HHI', kind & 0xffff, size, i + 1) + body)
                if i % 20 == 0:
                    c.close()
                    c = None
            except OSError:
                c.close()
                c = None
        if c:
            c.close()
        time.sleep(0.3)
        listed = p.bridge['a'].control.list()[0]
        for peer in listed:
            if peer != PEER['b']:
                p.bridge['a'].control.ask(lab.LINK_DEL, peer)
        # The listener: no TLS, half of one, and nonsense inside one.
        for i in range(60):
            with lab.inside('g'):
                raw = socket.create_connection((lab.NODE_ADDR['b'], lab.TCP_PORT), timeout=5)
            raw.sendall(chance.randbytes(chance.randrange(1, 400)))
            raw.close()
            s = Stranger('b')
            s.socket.sendall(chance.randbytes(chance.randrange(1, 5000)))
            s.close()
        got = p.to_b(data(5))
        while got and got[0] != data(5):
            got = p.wg['b'].receive(1)
        assert got and p.link()['local'] == here


def test_it_has_given_up_what_it_does_not_need():
    with Pair() as p:
        p.connect()
        pid = p.bridge['a'].process.pid
        status = dict(l.split(':\t', 1) for l in open('/proc/%d/status' % pid) if ':\t' in l)
        for field in ('CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb'):
            assert int(status[field], 16) == 0, field
        assert status['NoNewPrivs'].strip() == '1'
        if 'asan' not in PROGRAM:
            assert status['Seccomp'].strip() == '2'
        for task in os.listdir('/proc/%d/task' % pid):
            task_status = open('/proc/%d/task/%s/status' % (pid, task)).read()
            assert 'CapBnd:\t0000000000000000' in task_status, task
            if 'asan' not in PROGRAM:
                assert 'Seccomp:\t2' in task_status
            assert 'CapEff:\t0000000000000000' in task_status, task
        assert os.getsid(pid) == pid
        limits = open('/proc/%d/limits' % pid).read()
        assert 'Max core file size        0                    0' in limits
        assert oct(os.stat(p.bridge['a'].path).st_mode & 0o777) == '0o600'


def test_a_second_bridge_and_bad_options_are_refused():
    with tempfile.TemporaryDirectory() as directory:
        first = Bridge(PROGRAM, 'a', directory=directory)
        second = subprocess.run([PROGRAM], env={'RUNTIME_DIR': directory}, capture_output=True,
                                text=True)
        assert second.returncode == 1 and 'another bridge' in second.stderr
        first.control.ask(lab.LIST)
        # A killed one leaves its socket; the next takes its place.
        first.process.kill()
        first.process.wait()
        assert os.path.exists(first.path)
        first = Bridge(PROGRAM, 'a', directory=directory)
        assert first.close() == 0 and not os.path.exists(first.path)
        for name, value in (('WG_TCP_PORT', '0'), ('WG_TCP_PORT', '65536'), ('WG_TCP_PORT', 'x'),
                            ('WG_LISTEN_PORT', '51900'), ('GATEWAY_CUT_SECS', '-1'),
                            ('GATEWAY_CUT_SECS', '31536001'), ('RUNTIME_DIR', 'relative'),
                            ('RUNTIME_DIR', '/' + 'x' * 90), ('LOG_LEVEL', 'loud'),
                            ('LOG_FORMAT', 'xml'), ('WG_INTERFACE', 'n' * 16)):
            for how in ('env', 'arg'):
                env = {'RUNTIME_DIR': directory}
                argv = [PROGRAM]
                if how == 'env':
                    env[name] = value
                else:
                    argv.append('--%s=%s' % (name, value))
                ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=10)
                assert ran.returncode == 1, (name, value, how)
                assert name in ran.stderr and ran.stderr.count('\n') == 1, ran.stderr
        ran = subprocess.run([PROGRAM, '--NO_SUCH=1'], capture_output=True, text=True)
        assert ran.returncode == 1 and '--help' in ran.stderr
        ran = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True)
        assert ran.returncode == 0 and 'GATEWAY_CUT_SECS' in ran.stdout


def test_a_taken_port_is_named():
    with Pair(listen=False, link=False) as p:
        with lab.inside('b'):
            taken = socket.create_server(('0.0.0.0', lab.TCP_PORT))
        status, text, _ = p.bridge['b'].control.ask(lab.LISTEN, b'\1')
        assert status == 98 and '51900' in text
        taken.close()
        assert p.bridge['b'].control.ask(lab.LISTEN, b'\1')[0] == 0


def main():
    global PROGRAM
    PROGRAM = os.path.abspath(sys.argv[1])
    tests = [(n, f) for n, f in globals().items() if n.startswith('test_')
             and (len(sys.argv) < 3 or n[5:] in sys.argv[2:])]
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
