// SPDX-License-Identifier: MIT
// What a registering node signs, for both attestors. The account's validation and the facets must agree on
// these bytes, so both take them from here.
pragma solidity 0.8.30;

/// @title BindingLib
library BindingLib {
    string internal constant DSTACK_DOMAIN = "attestmesh.bind.v1";
    string internal constant OPERATOR_DOMAIN = "attestmesh.operator.bind.v1";

    /// @notice The hash that a node's derived key signs (as an EIP-191 message) to bind its keys to a membership.
    function dstack(address cluster, address member, bytes32 xPubKey, bytes32 wgPubKey)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(DSTACK_DOMAIN, cluster, member, xPubKey, wgPubKey));
    }

    /// @notice The hash that an operator's key signs (as an EIP-191 message) to vouch for a member.
    function operator(
        address cluster,
        address member,
        bytes32 xPubKey,
        bytes32 wgPubKey,
        address ownerKey,
        uint64 expiry
    ) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPERATOR_DOMAIN, cluster, member, xPubKey, wgPubKey, ownerKey, expiry));
    }
}
