// SPDX-License-Identifier: MIT
// ERC-4337 v0.7 facts that the account and the paymaster share: the packed operation, the EntryPoint's
// address and the validation results. Written from the standard; it holds no logic.
pragma solidity 0.8.30;

/// @notice ERC-4337 v0.7 user operation as the EntryPoint passes it.
struct PackedUserOperation {
    address sender;
    // Upper 192 bits: key; lower 64 bits: sequence number under that key.
    uint256 nonce;
    bytes initCode;
    bytes callData;
    // uint128 verificationGasLimit, uint128 callGasLimit
    bytes32 accountGasLimits;
    uint256 preVerificationGas;
    // uint128 maxPriorityFeePerGas, uint128 maxFeePerGas
    bytes32 gasFees;
    // empty, or paymaster (20 bytes), two uint128 gas limits, paymaster data
    bytes paymasterAndData;
    bytes signature;
}

/// @dev The canonical EntryPoint v0.7, at the same address on every chain.
address constant ENTRY_POINT_V07 = 0x0000000071727De22E5E9d8BAf0edAc6f37da032;

/// @dev validationData: good, no time limits.
uint256 constant VALIDATION_SUCCESS = 0;
/// @dev validationData: the signature is not the expected one.
uint256 constant VALIDATION_FAILED = 1;
