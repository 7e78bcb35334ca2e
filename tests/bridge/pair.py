# SPDX-License-Identifier: Apache-2.0
# The stage of most tests: two bridges that a gateway joins.
import sys

import lab
from lab import Bridge, Gateway, HOST, PEER, Wg, wait_for


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
            self.bridge[n] = Bridge(lab.PROGRAM, n, **options)
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
