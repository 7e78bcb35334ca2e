// SPDX-License-Identifier: Apache-2.0
// Preload for a server that binds every address of the machine without asking:
// every listening TCP socket of the process goes to loopback instead.
'use strict';
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function listenOnLoopback(first, ...rest) {
  if (typeof first === 'number') return listen.call(this, { port: first, host: '127.0.0.1' }, ...rest.filter((a) => typeof a === 'function'));
  if (first !== null && typeof first === 'object' && 'port' in first) return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  return listen.call(this, first, ...rest);
};
