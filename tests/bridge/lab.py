# SPDX-License-Identifier: Apache-2.0
# The stage of the bridge's tests: two nodes and a gateway in network
# namespaces, an SNI router with limits that a test can set, a stand-in for
# WireGuard's socket, a client of the control protocol. It asserts nothing.
import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

PROGRAM = ''  # the bridge under test; netns.py sets it
LIBC = ctypes.CDLL(None, use_errno=True)
HOME = os.open('/proc/self/ns/net', os.O_RDONLY)
PREFIX = 'ambr%d' % os.getpid()
GATEWAY_ADDR = '10.92.0.1'
NODE_ADDR = {'a': '10.92.0.10', 'b': '10.92.0.11'}
MAC_END = {'a': '0a', 'b': '0b'}
WG_PORT, TCP_PORT, GATEWAY_PORT = 51821, 51900, 443
HOST = {n: '%s-%ds.gw.test' % (n * 40, TCP_PORT) for n in 'ab'}
PEER = {n: n.encode() * 32 for n in 'ab'}


def sh(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


@contextlib.contextmanager
def inside(name):
    """This thread in the namespace `name`; sockets made in it stay there."""
    fd = os.open('/run/netns/%s%s' % (PREFIX, name), os.O_RDONLY)
    try:
        if LIBC.setns(fd, 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns')
        yield
    finally:
        LIBC.setns(HOME, 0x40000000)
        os.close(fd)


def uplink_add(name):
    """The uplink of a node: the same hardware address each time, as a machine's."""
    ns = PREFIX + name
    sh('ip', '-n', ns, 'link', 'add', 'up0', 'address', '02:00:00:00:00:' + MAC_END[name],
       'type', 'veth', 'peer', 'name', 'v' + name, 'netns', PREFIX + 'g')
    sh('ip', '-n', ns, 'addr', 'add', NODE_ADDR[name] + '/24', 'dev', 'up0')
    sh('ip', '-n', ns, 'link', 'set', 'up0', 'up')
    sh('ip', '-n', PREFIX + 'g', 'link', 'set', 'v' + name, 'master', 'br0')
    sh('ip', '-n', PREFIX + 'g', 'link', 'set', 'v' + name, 'up')


def stage_up():
    for name in 'gab':
        ns = PREFIX + name
        sh('ip', 'netns', 'add', ns)
        sh('ip', '-n', ns, 'link', 'set', 'lo', 'up')
    # Else it takes a port's address, and another one when that port goes.
    sh('ip', '-n', PREFIX + 'g', 'link', 'add', 'br0', 'address', '02:00:00:00:00:01', 'type', 'bridge')
    sh('ip', '-n', PREFIX + 'g', 'addr', 'add', GATEWAY_ADDR + '/24', 'dev', 'br0')
    sh('ip', '-n', PREFIX + 'g', 'link', 'set', 'br0', 'up')
    for name in 'ab':
        uplink_add(name)
        etc = '/etc/netns/' + PREFIX + name
        os.makedirs(etc)
        with open(etc + '/hosts', 'w') as f:
            f.write('127.0.0.1 localhost\n')
            for n in 'ab':
                f.write('%s %s\n' % (GATEWAY_ADDR, HOST[n]))
            f.write('%s self.gw.test\n127.0.0.1 loop.gw.test\n' % NODE_ADDR[name])
        open(etc + '/resolv.conf', 'w').close()


def stage_down():
    for name in 'gab':
        subprocess.run(['ip', 'netns', 'del', PREFIX + name], capture_output=True)
        shutil.rmtree('/etc/netns/' + PREFIX + name, ignore_errors=True)


def uplink(name, up):
    sh('ip', '-n', PREFIX + 'g', 'link', 'set', 'v' + name, 'up' if up else 'down')


def sni_of(hello):
    """Server name in a ClientHello, or None while it is incomplete."""
    if len(hello) < 5 or len(hello) < 5 + struct.unpack('>H', hello[3:5])[0]:
        return None
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + struct.unpack('>H', hello[at:at + 2])[0]
    at += 1 + hello[at]
    end = at + 2 + struct.unpack('>H', hello[at:at + 2])[0]
    at += 2
    while at < end:
        kind, size = struct.unpack('>HH', hello[at:at + 4])
        if kind == 0:
            return hello[at + 9:at + 4 + size].decode()
        at += 4 + size
    return ''


class Gateway:
    """SNI router. cut_s and idle_s (per direction) end connections; `frozen`
    stops all copying; `refuse` closes new ones."""

    def __init__(self):
        self.cut_s = self.idle_s = None
        self.frozen = self.refuse = False
        self.refused = set()      # names that nobody is let through to
        self.cuts = self.idles = self.accepted = 0
        self.names = []
        self.run = True
        self.pairs = []
        with inside('g'):
            self.listener = socket.create_server((GATEWAY_ADDR, GATEWAY_PORT), backlog=512)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def connect(self, name):
        with inside('g'):
            return socket.create_connection((NODE_ADDR[name[0]], TCP_PORT), timeout=2)

    def admit(self, client):
        hello = b''
        client.settimeout(2)
        while sni_of(hello) is None:
            more = client.recv(4096)
            if not more:
                raise OSError('closed')
            hello += more
        name = sni_of(hello)
        self.names.append(name)
        if self.refuse or name in self.refused:
            raise OSError('refused')
        server = self.connect(name)
        server.sendall(hello)
        now = time.monotonic()
        for s in (client, server):
            s.setblocking(False)
        self.pairs.append({'ends': (client, server), 'since': now, 'moved': [now, now],
                           'pending': [b'', b'']})

    def admit_quietly(self, client):
        try:
            self.admit(client)
        except OSError:
            client.close()

    def end(self, pair):
        for s in pair['ends']:
            s.close()
        self.pairs.remove(pair)

    def cut_all(self):
        for pair in list(self.pairs):
            self.end(pair)

    def limits(self, now):
        for pair in list(self.pairs):
            if self.cut_s and now - pair['since'] > self.cut_s:
                self.cuts += 1
                self.end(pair)
            elif self.idle_s and now - min(pair['moved']) > self.idle_s:
                self.idles += 1
                self.end(pair)

    def copy(self, pair, i, now):
        source, sink = pair['ends'][i], pair['ends'][1 - i]
        if not pair['pending'][i]:
            data = source.recv(65536)
            if not data:
                raise OSError('end')
            pair['moved'][i] = now
            pair['pending'][i] = data
        try:
            sent = sink.send(pair['pending'][i])
        except BlockingIOError:
            sent = 0
        pair['pending'][i] = pair['pending'][i][sent:]

    def loop(self):
        while self.run:
            now = time.monotonic()
            self.limits(now)
            by_fd = {}
            if not self.frozen:
                for pair in list(self.pairs):
                    for i in (0, 1):
                        if pair['pending'][i]:
                            with contextlib.suppress(OSError, ValueError):
                                self.copy(pair, i, now)
                        by_fd[pair['ends'][i]] = (pair, i)
            try:
                ready, _, _ = select.select([self.listener] + list(by_fd), [], [], 0.01)
            except (OSError, ValueError):
                continue
            for s in ready:
                if s is self.listener:
                    client, _ = s.accept()
                    self.accepted += 1
                    threading.Thread(target=self.admit_quietly, args=(client,),
                                     daemon=True).start()
                    continue
                pair, i = by_fd[s]
                try:
                    self.copy(pair, i, now)
                except (BlockingIOError, ValueError):
                    pass
                except OSError:
                    if pair in self.pairs:
                        self.end(pair)

    def close(self):
        self.run = False
        self.thread.join()
        self.cut_all()
        self.listener.close()


def initiation(tag=0):
    return b'\x01\0\0\0' + struct.pack('<I', tag) + bytes(140)


def response(tag=0):
    return b'\x02\0\0\0' + struct.pack('<I', tag) + bytes(84)


def data(tag=0, size=96):
    return b'\x04\0\0\0' + struct.pack('<I', tag) + bytes(size - 8)


def tag_of(datagram):
    return struct.unpack('<I', datagram[4:8])[0]


class Wg:
    """WireGuard's socket of a node: sends shaped datagrams, keeps what comes."""

    def __init__(self, name):
        with inside(name):
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind(('0.0.0.0', WG_PORT))

    def send(self, datagram, to):
        self.socket.sendto(datagram, to)

    def receive(self, timeout_s):
        """(datagram, source), or None."""
        ready, _, _ = select.select([self.socket], [], [], timeout_s)
        return self.socket.recvfrom(4096) if ready else None

    def drain(self):
        got = []
        while True:
            one = self.receive(0)
            if not one:
                return got
            got.append(one)

    def close(self):
        self.socket.close()


# usr/bridge/control.h
HELLO, LIST, LINK_SET, LINK_DEL, LINK_KICK, LISTEN, CLEAR, LEG_DEL = range(1, 9)
REPLY, LINK, LEG, STATUS = 64, 65, 66, 67
WAITING, DIALLING, TLS, UP = 1, 2, 3, 4
COUNTS = ('to', 'to_bytes', 'from', 'from_bytes', 'drop_blocked', 'drop_shape', 'drop_rate',
          'drop_local')


def parse_link(body):
    fields = struct.unpack('@32s254sHHIIB3x5Iqq8Q192s', body)
    out = dict(zip(('peer', 'host', 'port', 'local_port', 'local_ipv4', 'interval_ms', 'state',
                    'dials', 'opened', 'cuts', 'renewals', 'silences', 'tls_age_ms',
                    'rx_age_ms'), fields))
    out['counts'] = dict(zip(COUNTS, fields[14:22]))
    out['error'] = fields[22].split(b'\0')[0].decode()
    out['local'] = (socket.inet_ntoa(struct.pack('>I', out['local_ipv4'])), out['local_port'])
    return out


def parse_leg(body):
    ipv4, port, proven, age_ms, rx_age_ms, *counts = struct.unpack('@IHBxqq8Q', body)
    return {'local': (socket.inet_ntoa(struct.pack('>I', ipv4)), port), 'proven': bool(proven),
            'age_ms': age_ms, 'rx_age_ms': rx_age_ms, 'counts': dict(zip(COUNTS, counts))}


def parse_status(body):
    return dict(zip(('listening', 'links', 'legs', 'unproven', 'evicted', 'expired', 'refused'),
                    struct.unpack('@B3x6I', body)))


class Control:
    def __init__(self, path, greet=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.seq = 0
        self.notices = []
        if greet:
            self.send(HELLO, struct.pack('@IHH32s16s', 1, 0, 0, b'test', b''))
            self.hello = self.record()

    def send(self, kind, body=b''):
        self.seq += 1
        self.socket.sendall(struct.pack('@HHI', kind, len(body), self.seq) + body)
        return self.seq

    def record(self):
        packet = self.socket.recv(4096)
        if not packet:
            raise EOFError
        kind, size, seq = struct.unpack('@HHI', packet[:8])
        assert size == len(packet) - 8
        return kind, seq, packet[8:]

    def ask(self, kind, body=b''):
        """(status, text, records of the answer)."""
        want = self.send(kind, body)
        records = []
        while True:
            kind, seq, body = self.record()
            if seq != want:
                self.notices.append((kind, body))
            elif kind == REPLY:
                status, text = struct.unpack('@i192s', body)
                return status, text.split(b'\0')[0].decode(), records
            else:
                records.append((kind, body))

    def set_link(self, peer, host, port=GATEWAY_PORT, interval_ms=0, want=('0.0.0.0', 0)):
        ipv4 = struct.unpack('>I', socket.inet_aton(want[0]))[0]
        return self.ask(LINK_SET, struct.pack('@32s254sHHxxII', peer, host.encode(), port, want[1],
                                              ipv4, interval_ms))[:2]

    def list(self):
        records = self.ask(LIST)[2]
        links = {l['peer']: l for l in (parse_link(b) for k, b in records if k == LINK)}
        return (links, [parse_leg(b) for k, b in records if k == LEG],
                [parse_status(b) for k, b in records if k == STATUS][0])

    def link(self, peer):
        return self.list()[0].get(peer)

    def close(self):
        self.socket.close()


class Bridge:
    def __init__(self, program, name, directory=None, **options):
        self.directory = directory or tempfile.mkdtemp(prefix='ambr')
        self.keep = directory is not None
        self.path = self.directory + '/bridge-attestmesh0.sock'
        environment = {'PATH': os.environ['PATH'], 'RUNTIME_DIR': self.directory,
                       'LOG_LEVEL': os.environ.get('LOG_LEVEL', 'warn'),
                       'GATEWAY_CUT_SECS': '0', 'GATEWAY_IDLE_SECS': '0'}
        environment.update({k: str(v) for k, v in options.items()})
        self.process = subprocess.Popen(['ip', 'netns', 'exec', PREFIX + name, program],
                                        env=environment)
        until = time.monotonic() + 10
        while True:
            try:
                self.control = Control(self.path)
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    self.process.kill()
                    self.process.wait()
                    self.forget()
                    raise
                time.sleep(0.02)

    def forget(self):
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def close(self):
        self.control.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.forget()


class Stranger:
    """A TLS client that comes straight to a node's listener."""

    def __init__(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with inside('g'):
            raw = socket.create_connection((NODE_ADDR[name], TCP_PORT), timeout=5)
        self.socket = context.wrap_socket(raw, server_hostname=HOST[name])

    @staticmethod
    def frames(*datagrams):
        return b''.join(struct.pack('>H', len(d)) + d for d in datagrams)

    def send(self, *datagrams):
        self.socket.sendall(self.frames(*datagrams))

    def closed(self, timeout_s):
        """True if the other end closes within timeout_s."""
        self.socket.settimeout(timeout_s)
        try:
            while self.socket.recv(4096):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self):
        self.socket.close()


def dial_and_send_at_once(name, *datagrams):
    """A TLS client whose first bytes share a segment with the handshake's end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST[name])
    with inside('g'):
        raw = socket.create_connection((NODE_ADDR[name], TCP_PORT), timeout=5)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            incoming.write(raw.recv(65536))
    tls.write(Stranger.frames(*datagrams))
    raw.sendall(outgoing.read())
    return raw


def wait_for(condition, timeout_s=10, step_s=0.02):
    """The first true value of condition(), or its last value."""
    until = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value or time.monotonic() > until:
            return value
        time.sleep(step_s)
