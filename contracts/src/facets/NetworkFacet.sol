// SPDX-License-Identifier: MIT
// The key publication facet. Who holds which WireGuard key is WgKeyLib's question.
pragma solidity 0.8.30;

import {IFacet} from "../interfaces/IAttestorFacet.sol";
import {INetwork} from "../interfaces/INetwork.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {WgKeyLib} from "../libraries/WgKeyLib.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {NetworkStorage} from "../storage/NetworkStorage.sol";
import {ZeroKey} from "../types/Errors.sol";

/// @title NetworkFacet
contract NetworkFacet is INetwork, IFacet {
    /// @inheritdoc INetwork
    function publishWgKey(bytes32 wgPubKey) external {
        bytes32 memberId = MemberLib.requireMember(msg.sender);
        WgKeyLib.publish(memberId, MemberStorage.layout().members[memberId], wgPubKey);
    }

    /// @inheritdoc INetwork
    function wgPubKeyOf(bytes32 memberId) external view returns (bytes32) {
        return MemberLib.isLive(memberId) ? MemberStorage.layout().members[memberId].wgPubKey : bytes32(0);
    }

    /// @inheritdoc INetwork
    function publishEd25519Key(bytes32 ed25519Key) external {
        bytes32 memberId = MemberLib.requireMember(msg.sender);
        if (ed25519Key == 0) revert ZeroKey();
        NetworkStorage.layout().ed25519Keys[memberId] = ed25519Key;
        emit Ed25519KeyPublished(memberId, ed25519Key);
    }

    /// @inheritdoc INetwork
    function ed25519KeyOf(bytes32 memberId) external view returns (bytes32) {
        return MemberLib.isLive(memberId) ? NetworkStorage.layout().ed25519Keys[memberId] : bytes32(0);
    }

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](4);
        s[0] = INetwork.publishWgKey.selector;
        s[1] = INetwork.wgPubKeyOf.selector;
        s[2] = INetwork.publishEd25519Key.selector;
        s[3] = INetwork.ed25519KeyOf.selector;
    }
}
