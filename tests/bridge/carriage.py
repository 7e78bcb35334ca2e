# SPDX-License-Identifier: Apache-2.0
# What the bridge carries, keeps up and bounds: datagrams, links, strangers.
import os
import socket
import ssl
import struct
import sys
import time

import lab
from lab import Bridge, Control, HOST, PEER, Stranger, data, initiation, response, tag_of, wait_for
from pair import Pair


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
        p.bridge['a'] = Bridge(lab.PROGRAM, 'a')
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
