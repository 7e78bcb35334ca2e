// SPDX-License-Identifier: MIT
// Lint rules for the contracts. Whatever is off says why; single findings are argued where they are.
module.exports = {
  extends: 'solhint:recommended',
  rules: {
    'compiler-version': ['error', '0.8.30'],
    'max-line-length': ['error', 120],
    'func-visibility': ['error', { ignoreConstructors: true }],
    // storage slots, precompiles and revert data need it; each block is memory-safe and commented
    'no-inline-assembly': 'off',
    // what a function is for stands in its @notice in the interface; parameters only where the name leaves a question
    'use-natspec': 'off',
    // the public immutables' names are the ABI
    'immutable-vars-naming': 'off',
    // `l` is the storage layout, everywhere and nothing else
    'use-forbidden-name': 'off',
    // the remappings live in foundry.toml, which this tool does not read
    'import-path-check': 'off',
    // the optimiser makes one code of both forms of a loop counter
    'gas-increment-by-one': 'off',
    // < and <= cost the same to within three gas; the one that reads right is taken
    'gas-strict-inequalities': 'off',
    // structs are the ABI's or the live storage's
    'gas-struct-packing': 'off',
    // the events' indexed arguments are the ABI
    'gas-indexed-events': 'off',
  },
};
