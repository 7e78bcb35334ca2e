// SPDX-License-Identifier: MIT
// What the paymaster needs of the EntryPoint, and what the EntryPoint needs of the paymaster. Written from the
// standard.
pragma solidity 0.8.30;

import {PackedUserOperation} from "../types/UserOperation.sol";

/// @title IEntryPointStake
/// @notice Deposits and stakes of the EntryPoint v0.7.
interface IEntryPointStake {
    /// @notice Deposit for an account.
    function depositTo(address account) external payable;

    /// @notice Withdraw from the caller's deposit.
    function withdrawTo(address payable withdrawAddress, uint256 withdrawAmount) external;

    /// @notice Stake for the caller.
    function addStake(uint32 unstakeDelaySec) external payable;

    /// @notice Begin to unstake.
    function unlockStake() external;

    /// @notice Withdraw an unlocked stake.
    function withdrawStake(address payable withdrawAddress) external;

    /// @notice An account's deposit.
    function balanceOf(address account) external view returns (uint256);
}

/// @title IVerifyingPaymaster
/// @notice Pays for operations that its signer approved.
interface IVerifyingPaymaster {
    event SignerChanged(address indexed previousSigner, address indexed newSigner);

    /// @notice The EntryPoint asks whether this paymaster pays; validationData carries time limits.
    function validatePaymasterUserOp(PackedUserOperation calldata userOp, bytes32 userOpHash, uint256 maxCost)
        external
        returns (bytes memory context, uint256 validationData);

    /// @notice What the signer signs, as an EIP-191 message.
    function getHash(PackedUserOperation calldata userOp, uint48 validUntil, uint48 validAfter)
        external
        view
        returns (bytes32);

    /// @notice The key whose signature sponsors.
    function signer() external view returns (address);

    /// @notice Rotate the signer (owner).
    function setSigner(address newSigner) external;

    /// @notice Deposit the sent value at the EntryPoint; anybody may.
    function deposit() external payable;

    /// @notice Withdraw from the deposit (owner).
    function withdrawTo(address payable to, uint256 amountWei) external;

    /// @notice Stake the sent value (owner).
    function addStake(uint32 unstakeDelaySecs) external payable;

    /// @notice Begin to unstake (owner).
    function unlockStake() external;

    /// @notice Withdraw an unlocked stake (owner).
    function withdrawStake(address payable to) external;
}
