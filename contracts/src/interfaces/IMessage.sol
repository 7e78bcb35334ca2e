// SPDX-License-Identifier: MIT
// Sealed member-to-member messages. Payloads are ciphertexts in events; the chain authenticates the sender.
pragma solidity 0.8.30;

/// @title IMessage
/// @notice The message channel of a cluster; members only, each envelope id once per recipient.
interface IMessage {
    event MessageSent(
        bytes32 indexed senderMemberId,
        bytes32 indexed recipientMemberId,
        bytes32 indexed envelopeId,
        bytes ciphertext
    );

    /// @notice Send a sealed box of 48 bytes to 64 KiB to a member.
    function send(bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) external;

    /// @notice Who sent this envelope id to this recipient; zero if nobody did.
    function envelopeSenderOf(bytes32 recipientMemberId, bytes32 envelopeId) external view returns (bytes32);
}
