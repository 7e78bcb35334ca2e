// SPDX-License-Identifier: MIT
// The message facet: authenticated, deduplicated sealed boxes in events. It never looks inside one.
pragma solidity 0.8.30;

import {IFacet} from "../interfaces/IAttestorFacet.sol";
import {IMessage} from "../interfaces/IMessage.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {MessageStorage} from "../storage/MessageStorage.sol";
import {BadCiphertextLength, DuplicateEnvelope, RecipientNotMember} from "../types/Errors.sol";

/// @title MessageFacet
contract MessageFacet is IMessage, IFacet {
    /// @dev A sealed box adds an ephemeral key (32) and a tag (16) to its plaintext.
    uint256 internal constant MIN_CIPHERTEXT_BYTES = 48;
    /// @dev What a reader must be prepared to fetch and decrypt for one event.
    uint256 internal constant MAX_CIPHERTEXT_BYTES = 65_536;

    /// @inheritdoc IMessage
    function send(bytes32 recipientMemberId, bytes32 envelopeId, bytes calldata ciphertext) external {
        bytes32 sender = MemberLib.requireMember(msg.sender);
        if (!MemberLib.isLive(recipientMemberId)) revert RecipientNotMember();
        if (ciphertext.length < MIN_CIPHERTEXT_BYTES || ciphertext.length > MAX_CIPHERTEXT_BYTES) {
            revert BadCiphertextLength();
        }
        mapping(bytes32 => bytes32) storage senders =
            MessageStorage.layout().envelopeSenders[recipientMemberId];
        if (senders[envelopeId] != 0) revert DuplicateEnvelope();
        senders[envelopeId] = sender;
        emit MessageSent(sender, recipientMemberId, envelopeId, ciphertext);
    }

    /// @inheritdoc IMessage
    function envelopeSenderOf(bytes32 recipientMemberId, bytes32 envelopeId) external view returns (bytes32) {
        return MessageStorage.layout().envelopeSenders[recipientMemberId][envelopeId];
    }

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](2);
        // a function of that name, no sending of value
        // solhint-disable-next-line check-send-result
        s[0] = IMessage.send.selector;
        s[1] = IMessage.envelopeSenderOf.selector;
    }
}
