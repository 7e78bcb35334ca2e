// SPDX-License-Identifier: MIT
// Presents npm's WebAssembly build of solc with the part of the native command line that forge uses:
// "--version" and "--standard-json" on stdin. It owns no settings; those come from foundry.toml.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const IGNORED_WITH_VALUE = new Set(['--base-path', '--include-path', '--allow-paths']);

function parse(argv) {
  const mode = { version: false, standardJson: false };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].split('=', 1)[0];
    if (name === '--version') mode.version = true;
    else if (name === '--standard-json') mode.standardJson = true;
    else if (IGNORED_WITH_VALUE.has(name)) i += argv[i].includes('=') ? 0 : 1;
    else throw new Error(`unsupported option ${argv[i]}`);
  }
  return mode;
}

// A pipe takes 64 KiB at a time and the answer has megabytes: write until all of it is gone.
function writeAll(text) {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length;) {
    try {
      done += fs.writeSync(1, bytes, done);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

// Loading the WebAssembly only to ask for its version costs half a second, and forge asks often. The
// package's own version is enough to know the file name under which the long form is remembered.
function longVersion() {
  const packageDir = path.dirname(require.resolve('solc/package.json'));
  const short = require('solc/package.json').version;
  const memo = path.join(packageDir, `.long-version-${short}`);
  if (fs.existsSync(memo)) return fs.readFileSync(memo, 'utf8');
  const long = require('solc').version();
  try {
    fs.writeFileSync(memo, long);
  } catch (error) {
    if (error.code !== 'EACCES' && error.code !== 'EROFS') throw error;
  }
  return long;
}

function main() {
  const mode = parse(process.argv.slice(2));
  if (mode.version) {
    // forge parses the platform part as a target it knows
    const version = longVersion().replace('Emscripten.clang', 'Linux.g++');
    writeAll(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
  } else if (mode.standardJson) {
    // forge puts every source's text into the input, so no import callback is needed
    writeAll(require('solc').compile(fs.readFileSync(0, 'utf8')));
  } else {
    throw new Error('only --version and --standard-json are supported');
  }
}

try {
  main();
} catch (error) {
  process.stderr.write(`solc wrapper: ${error.message}\n`);
  process.exitCode = 1;
}
