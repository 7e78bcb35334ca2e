// SPDX-License-Identifier: MIT
// The Cluster Shared Key facet: who may commit or request a generation. The rules of generations are CskLib's.
pragma solidity 0.8.30;

import {IFacet} from "../interfaces/IAttestorFacet.sol";
import {ICsk} from "../interfaces/ICsk.sol";
import {ClusterAuth} from "../libraries/ClusterAuth.sol";
import {CskLib} from "../libraries/CskLib.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {CskStorage} from "../storage/CskStorage.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {
    CskCommitmentAlreadySet,
    CskNotCommitted,
    GenerationNotRequested,
    NotOriginator
} from "../types/Errors.sol";

/// @title CskFacet
contract CskFacet is ICsk, IFacet, ClusterAuth {
    /// @inheritdoc ICsk
    function setCskCommitment(bytes32 commitment) external {
        MemberStorage.Layout storage m = MemberStorage.layout();
        bytes32 memberId = m.memberIdOf[msg.sender];
        if (memberId == 0 || !MemberLib.isFirst(m.members[memberId].index)) revert NotOriginator();
        if (CskStorage.layout().generation != 0) revert CskCommitmentAlreadySet();
        emit CskCommitmentSet(commitment);
        CskLib.commit(1, memberId, commitment);
    }

    /// @inheritdoc ICsk
    function commitCsk(uint32 generation, bytes32 commitment) external {
        bytes32 memberId = MemberLib.requireMember(msg.sender);
        CskStorage.Layout storage l = CskStorage.layout();
        if (generation != l.requested || generation == l.generation) revert GenerationNotRequested();
        CskLib.commit(generation, memberId, commitment);
    }

    /// @inheritdoc ICsk
    function requestCskRotation() external onlyClusterOwner {
        if (CskStorage.layout().generation == 0) revert CskNotCommitted();
        CskLib.request();
    }

    /// @inheritdoc ICsk
    function cskCommitment() external view returns (bytes32) {
        return cskCommitmentAt(CskStorage.layout().generation);
    }

    /// @inheritdoc ICsk
    function cskGeneration() external view returns (uint32) {
        return CskStorage.layout().generation;
    }

    /// @inheritdoc ICsk
    function cskRequestedGeneration() external view returns (uint32) {
        return CskStorage.layout().requested;
    }

    /// @inheritdoc ICsk
    function cskCommitmentAt(uint32 generation) public view returns (bytes32) {
        return CskStorage.layout().commitments[generation];
    }

    /// @inheritdoc ICsk
    function cskCommitterOf(uint32 generation) external view returns (bytes32) {
        CskStorage.Layout storage l = CskStorage.layout();
        bytes32 commitment = l.commitments[generation];
        return
            commitment == 0 ? bytes32(0) : MemberStorage.layout().memberIds[l.uses[commitment].committerIndex];
    }

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](8);
        uint256 n;
        s[n++] = ICsk.setCskCommitment.selector;
        s[n++] = ICsk.commitCsk.selector;
        s[n++] = ICsk.requestCskRotation.selector;
        s[n++] = ICsk.cskCommitment.selector;
        s[n++] = ICsk.cskGeneration.selector;
        s[n++] = ICsk.cskRequestedGeneration.selector;
        s[n++] = ICsk.cskCommitmentAt.selector;
        s[n++] = ICsk.cskCommitterOf.selector;
    }
}
