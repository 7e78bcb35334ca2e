// SPDX-License-Identifier: MIT
// The keys that members publish after registration: WireGuard and Ed25519.
pragma solidity 0.8.30;

/// @title INetwork
/// @notice Key publication; no two current members ever have one WireGuard key.
interface INetwork {
    event WgKeyPublished(bytes32 indexed memberId, bytes32 wgPubKey);
    event Ed25519KeyPublished(bytes32 indexed memberId, bytes32 ed25519Key);

    /// @notice Replace the caller's WireGuard key. Reverts `ZeroKey()` and `WgKeyTaken(holder)`.
    function publishWgKey(bytes32 wgPubKey) external;

    /// @notice The WireGuard key of a current member; zero otherwise, and zero for one whose published key another
    ///         registered with.
    function wgPubKeyOf(bytes32 memberId) external view returns (bytes32);

    /// @notice Publish the caller's Ed25519 beat key. Reverts `ZeroKey()`.
    function publishEd25519Key(bytes32 ed25519Key) external;

    /// @notice The Ed25519 key of a current member; zero otherwise, and until published anew after a readmission.
    function ed25519KeyOf(bytes32 memberId) external view returns (bytes32);
}
