#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The form of deploy/compose.yaml: rights, namespaces, sockets, ports and option
# names, each rule with a spoiled copy that it must refuse.
# Usage: compose.py COMPOSE ATTESTMESHD ATTESTMESH-BRIDGE
import copy
import re
import subprocess
import sys

import yaml

PORTS = {9090, 51900}
PARTS = ('net', 'module', 'bridge', 'agent', 'app')


def names_of(program):
    out = subprocess.run([program, '--help'], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit('%s --help failed' % program)
    return set(re.findall(r'^\s+(?:--)?([A-Z][A-Z0-9_]+)\b', out.stdout, re.M))


def mounts(service):
    return dict((v.split(':')[:2][::-1]) for v in service.get('volumes', []))


def faults(compose, known):
    """Every rule that the file breaks, in words."""
    s = compose['services']
    bad = []

    def rule(text, holds):
        if not holds:
            bad.append(text)

    rule('the five containers are there', set(PARTS) <= set(s))
    if bad:
        return bad
    for name in s:
        image = s[name].get('image', '')
        rule('%s is pinned by digest' % name, re.search(r'@sha256:[0-9a-f]{64}$', image))
        rule('%s is not privileged' % name, name == 'module' or not s[name].get('privileged'))
        rule('%s publishes no port' % name, name == 'net' or 'ports' not in s[name])
    for name in ('bridge', 'agent', 'app'):
        rule('%s is in the namespace of net' % name, s[name].get('network_mode') == 'service:net')
        rule('%s restarts' % name, s[name].get('restart') == 'always')
    rule('net publishes the node\'s two ports',
         {int(p.split(':')[-1]) for p in s['net'].get('ports', [])} == PORTS)
    rule('IPv6 is on in the namespace', s['net'].get('sysctls') == {
        'net.ipv6.conf.all.disable_ipv6': '0', 'net.ipv6.conf.default.disable_ipv6': '0'})
    rule('net restarts', s['net'].get('restart') == 'always')
    rule('the module is privileged and one-shot', s['module'].get('privileged') and
         s['module'].get('restart') in ('on-failure', 'no'))
    rule('the bridge has no capability', s['bridge'].get('cap_drop') == ['ALL'] and
         'cap_add' not in s['bridge'])
    rule('the agent has NET_ADMIN alone', s['agent'].get('cap_drop') == ['ALL'] and
         s['agent'].get('cap_add') == ['NET_ADMIN'])
    rule('the app has neither NET_ADMIN nor NET_RAW', {'NET_ADMIN', 'NET_RAW'} <=
         set(s['app'].get('cap_drop', [])) and 'cap_add' not in s['app'])
    for name in s:
        dstack = any('dstack' in m for m in mounts(s[name]))
        rule('only the agent has the dstack socket (%s)' % name, dstack == (name == 'agent'))
    runtime = {n: mounts(s[n]).get(s[n].get('environment', {}).get('RUNTIME_DIR'))
               for n in ('bridge', 'agent')}
    rule('bridge and agent share the runtime directory',
         runtime['bridge'] and runtime['bridge'] == runtime['agent'])
    rule('bridge and agent run under one uid', s['bridge'].get('user') == s['agent'].get('user'))
    state = s['agent'].get('environment', {}).get('STATE_DIR')
    rule('the state is on a volume', mounts(s['agent']).get(state) in compose.get('volumes', {}))
    socket = s['agent'].get('environment', {}).get('AGENT_GRPC_SOCKET', '')
    volume = mounts(s['agent']).get(socket.rpartition('/')[0])
    rule('app and agent share the socket\'s volume, and only that',
         volume and list(mounts(s['app']).values()) == [volume])
    rule('the app does not see the runtime directory', volume != runtime['agent'])
    rule('the app waits for a healthy agent', s['app'].get('depends_on', {}).get('agent') ==
         {'condition': 'service_healthy'})
    rule('the health check is the command line\'s',
         s['agent'].get('healthcheck', {}).get('test') == ['CMD', 'attestmesh', 'health'])
    rule('the agent waits for the module', s['agent'].get('depends_on', {}).get('module') ==
         {'condition': 'service_completed_successfully'})
    for name in ('bridge', 'agent'):
        for option, value in s[name].get('environment', {}).items():
            rule('%s: %s is an option' % (name, option), option in known[name])
            rule('%s: %s stands literally' % (name, option),
                 isinstance(value, str) and '$' not in value)
    for option in ('WG_TCP_PORT', 'WG_LISTEN_PORT'):
        rule('%s is the same for both' % option,
             s['bridge']['environment'].get(option) == s['agent']['environment'].get(option))
    return bad


def spoil(change):
    def apply(compose):
        change(compose['services'])
    return apply


SPOILED = [
    ('five containers', spoil(lambda s: s.pop('net'))),
    ('pinned by digest', spoil(lambda s: s['agent'].update(image='attestmesh-node:latest'))),
    ('not privileged', spoil(lambda s: s['agent'].update(privileged=True))),
    ('publishes no port', spoil(lambda s: s['agent'].update(ports=['9090:9090']))),
    ('namespace of net', spoil(lambda s: s['bridge'].update(network_mode='host'))),
    ('two ports', spoil(lambda s: s['net']['ports'].append('50051:50051'))),
    ('IPv6', spoil(lambda s: s['net'].pop('sysctls'))),
    ('no capability', spoil(lambda s: s['bridge'].update(cap_add=['NET_ADMIN']))),
    ('NET_ADMIN alone', spoil(lambda s: s['agent']['cap_add'].append('SYS_MODULE'))),
    ('neither NET_ADMIN', spoil(lambda s: s['app'].update(cap_drop=['NET_ADMIN']))),
    ('dstack socket', spoil(lambda s: s['app']['volumes'].append(
        '/var/run/dstack.sock:/var/run/dstack.sock'))),
    ('share the runtime', spoil(lambda s: s['bridge'].update(volumes=['other:/run/attestmeshd']))),
    ('one uid', spoil(lambda s: s['bridge'].update(user='1000'))),
    ('state is on a volume', spoil(lambda s: s['agent']['environment'].update(
        STATE_DIR='/tmp/state'))),
    ('only that', spoil(lambda s: s['app']['volumes'].append('runtime:/run/attestmeshd'))),
    ('healthy agent', spoil(lambda s: s['app']['depends_on']['agent'].update(
        condition='service_started'))),
    ('health check', spoil(lambda s: s['agent']['healthcheck'].update(test=['CMD', 'true']))),
    ('is an option', spoil(lambda s: s['agent']['environment'].update(RPC_URLS='x'))),
    ('stands literally', spoil(lambda s: s['agent']['environment'].update(RPC_URL='${RPC_URL}'))),
    ('same for both', spoil(lambda s: s['bridge']['environment'].update(WG_TCP_PORT='51901'))),
]


def main():
    path, agent, bridge = sys.argv[1:4]
    with open(path) as f:
        compose = yaml.safe_load(f)
    known = {'agent': names_of(agent), 'bridge': names_of(bridge)}
    passed = failed = 0
    for fault in faults(compose, known):
        print('not ok - %s' % fault)
        failed += 1
    passed += not failed
    for words, change in SPOILED:
        spoiled = copy.deepcopy(compose)
        change(spoiled)
        if any(words in f for f in faults(spoiled, known)):
            passed += 1
        else:
            print('not ok - a copy spoiled in "%s" is refused' % words)
            failed += 1
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
