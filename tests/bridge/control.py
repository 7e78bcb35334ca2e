# SPDX-License-Identifier: Apache-2.0
# Who commands the bridge, by which words, and what it keeps of its rights.
import os
import random
import socket
import struct
import subprocess
import tempfile
import time

import lab
from lab import Bridge, Control, HOST, PEER, Stranger, data, wait_for
from pair import Pair


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
        if 'asan' not in lab.PROGRAM:
            assert status['Seccomp'].strip() == '2'
        for task in os.listdir('/proc/%d/task' % pid):
            task_status = open('/proc/%d/task/%s/status' % (pid, task)).read()
            assert 'CapBnd:\t0000000000000000' in task_status, task
            if 'asan' not in lab.PROGRAM:
                assert 'Seccomp:\t2' in task_status
            assert 'CapEff:\t0000000000000000' in task_status, task
        assert os.getsid(pid) == pid
        limits = open('/proc/%d/limits' % pid).read()
        assert 'Max core file size        0                    0' in limits
        assert oct(os.stat(p.bridge['a'].path).st_mode & 0o777) == '0o600'


def test_a_second_bridge_and_bad_options_are_refused():
    with tempfile.TemporaryDirectory() as directory:
        first = Bridge(lab.PROGRAM, 'a', directory=directory)
        second = subprocess.run([lab.PROGRAM], env={'RUNTIME_DIR': directory}, capture_output=True,
                                text=True)
        assert second.returncode == 1 and 'another bridge' in second.stderr
        first.control.ask(lab.LIST)
        # A killed one leaves its socket; the next takes its place.
        first.process.kill()
        first.process.wait()
        assert os.path.exists(first.path)
        first = Bridge(lab.PROGRAM, 'a', directory=directory)
        assert first.close() == 0 and not os.path.exists(first.path)
        for name, value in (('WG_TCP_PORT', '0'), ('WG_TCP_PORT', '65536'), ('WG_TCP_PORT', 'x'),
                            ('WG_LISTEN_PORT', '51900'), ('GATEWAY_CUT_SECS', '-1'),
                            ('GATEWAY_CUT_SECS', '31536001'), ('RUNTIME_DIR', 'relative'),
                            ('RUNTIME_DIR', '/' + 'x' * 90), ('LOG_LEVEL', 'loud'),
                            ('LOG_FORMAT', 'xml'), ('WG_INTERFACE', 'n' * 16)):
            for how in ('env', 'arg'):
                env = {'RUNTIME_DIR': directory}
                argv = [lab.PROGRAM]
                if how == 'env':
                    env[name] = value
                else:
                    argv.append('--%s=%s' % (name, value))
                ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=10)
                assert ran.returncode == 1, (name, value, how)
                assert name in ran.stderr and ran.stderr.count('\n') == 1, ran.stderr
        ran = subprocess.run([lab.PROGRAM, '--NO_SUCH=1'], capture_output=True, text=True)
        assert ran.returncode == 1 and '--help' in ran.stderr
        ran = subprocess.run([lab.PROGRAM, '--help'], capture_output=True, text=True)
        assert ran.returncode == 0 and 'GATEWAY_CUT_SECS' in ran.stdout


def test_a_taken_port_is_named():
    with Pair(listen=False, link=False) as p:
        with lab.inside('b'):
            taken = socket.create_server(('0.0.0.0', lab.TCP_PORT))
        status, text, _ = p.bridge['b'].control.ask(lab.LISTEN, b'\1')
        assert status == 98 and '51900' in text
        taken.close()
        assert p.bridge['b'].control.ask(lab.LISTEN, b'\1')[0] == 0
