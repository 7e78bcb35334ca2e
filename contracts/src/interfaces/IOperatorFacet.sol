// SPDX-License-Identifier: MIT
// The operator attestor. It vouches by a key, not by hardware: for development and nodes without a TEE.
pragma solidity 0.8.30;

import {OperatorProof} from "../types/OperatorTypes.sol";

/// @title IOperatorFacet
/// @notice Members admitted here are vouched for by a key, not by hardware. Never installed by default.
interface IOperatorFacet {
    event OperatorMemberRegistered(bytes32 indexed memberId, address indexed signer, address ownerKey);
    event OperatorSignerAdded(address indexed signer);
    event OperatorSignerRemoved(address indexed signer);

    /// @notice Register the calling member contract on the strength of an operator's voucher.
    // solhint-disable-next-line func-name-mixedcase
    function operator_register(
        OperatorProof calldata proof,
        address memberContract,
        bytes32 xPubKey,
        bytes32 wgPubKey
    ) external returns (bytes32 memberId);

    /// @notice Let a key vouch (cluster owner); at most 64.
    function addOperatorSigner(address signer) external;

    /// @notice Stop a key from vouching (cluster owner); members it admitted stay.
    function removeOperatorSigner(address signer) external;

    /// @notice Whether a key may vouch.
    function isOperatorSigner(address signer) external view returns (bool);

    /// @notice All keys that may vouch, in no particular order.
    function operatorSigners() external view returns (address[] memory);
}
