// SPDX-License-Identifier: MIT
// Preload: the bundler asks for all interfaces; every listening socket of its process goes to loopback instead.
'use strict';
const { Server } = require('node:net');

const listen = Server.prototype.listen;
Server.prototype.listen = function onLoopback(first, ...rest) {
  const target = first !== null && typeof first === 'object' && 'port' in first ? { ...first, host: '127.0.0.1' } : first;
  return listen.call(this, target, ...rest);
};
