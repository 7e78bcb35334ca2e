// SPDX-License-Identifier: MIT
// Membership: the one place that admits, removes and readmits members, and the questions that every gate asks.
// It knows no attestation method; the attestor facets call it after their checks.
pragma solidity 0.8.30;

import {IAttest} from "../interfaces/IAttest.sol";
import {IClusterMember} from "../interfaces/IClusterMember.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {NetworkStorage} from "../storage/NetworkStorage.sol";
import {
    AlreadyRegistered,
    ClusterFull,
    MemberBarred,
    NotBarred,
    NotClusterMember,
    WrongAttestor,
    ZeroKey
} from "../types/Errors.sol";
import {MemberRecord} from "../types/MemberTypes.sol";
import {MeshIpLib} from "./MeshIpLib.sol";
import {WgKeyLib} from "./WgKeyLib.sol";

/// @title MemberLib
library MemberLib {
    /// @dev Indices are 16 bits wide on the wire of the kernel's views.
    uint256 internal constant MAX_MEMBERS = 65_536;
    uint256 private constant ONE = 1;

    /// @notice The id of a current member; reverts `NotClusterMember()`.
    function requireMember(address account) internal view returns (bytes32 memberId) {
        memberId = MemberStorage.layout().memberIdOf[account];
        if (memberId == 0) revert NotClusterMember();
    }

    /// @notice Whether an id is a current member's.
    function isLive(bytes32 memberId) internal view returns (bool) {
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        return record.registeredAt != 0 && record.removedAt == 0;
    }

    /// @notice Reverts `MemberBarred()` for a contract that was removed and not readmitted.
    function requireNotBarred(address memberContract) internal view {
        if (isBarred(memberContract)) revert MemberBarred();
    }

    /// @notice Whether a contract was removed and not readmitted.
    function isBarred(address memberContract) internal view returns (bool) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        bytes32 former = l.formerIdOf[memberContract];
        return former != 0 && !l.members[former].readmitted;
    }

    /// @notice Write a member whose proof has been checked: record, keys, addresses, then the account's owner.
    /// @dev The call to the member comes last: with an allowlisted app id it is foreign code, and everything it could
    ///      call back into is written by then.
    function register(
        bytes32 attestorId,
        address memberContract,
        bytes32 xPubKey,
        bytes32 wgPubKey,
        address ownerKey
    ) internal returns (bytes32 memberId) {
        if (xPubKey == 0) revert ZeroKey();
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (l.memberIdOf[memberContract] != 0) revert AlreadyRegistered();

        memberId = l.formerIdOf[memberContract];
        if (memberId == 0) {
            memberId = keccak256(abi.encode(address(this), memberContract, attestorId));
            _admit(l, memberId, attestorId, memberContract);
        } else {
            _return(l, memberId, attestorId, memberContract);
        }
        MemberRecord storage record = l.members[memberId];
        record.xPubKey = xPubKey;
        record.registeredAt = uint64(block.timestamp);
        record.tenure += 1;
        l.memberIdOf[memberContract] = memberId;

        emit IAttest.MemberRegistered(memberId, memberContract, attestorId, xPubKey, wgPubKey);
        WgKeyLib.register(memberId, record, wgPubKey);
        IClusterMember(memberContract).__setOwnerFromCluster(ownerKey);
    }

    /// @notice Remove a current member. Index, record and addresses stay; nothing else does.
    function remove(bytes32 memberId) internal {
        if (!isLive(memberId)) revert NotClusterMember();
        MemberStorage.Layout storage l = MemberStorage.layout();
        MemberRecord storage record = l.members[memberId];
        (address memberContract, uint32 index) = (record.memberContract, record.index);
        record.removedAt = uint48(block.timestamp);
        l.removedBits[index / 256] |= ONE << (index % 256);
        l.removedCount += 1;
        l.formerIdOf[memberContract] = memberId;
        delete l.memberIdOf[memberContract];
        emit IAttest.MemberRemoved(memberId, msg.sender);
    }

    /// @notice Lift the bar; membership itself returns with the next registration.
    function readmit(bytes32 memberId) internal {
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        if (record.registeredAt == 0) revert NotClusterMember();
        if (record.removedAt == 0 || record.readmitted) revert NotBarred();
        record.readmitted = true;
        emit IAttest.MemberReadmitted(memberId, msg.sender);
    }

    /// @notice Bar a readmitted member again before it has registered; false if it is not in that state.
    function rebar(bytes32 memberId) internal returns (bool) {
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        if (!record.readmitted) return false;
        record.readmitted = false;
        emit IAttest.MemberRemoved(memberId, msg.sender);
        return true;
    }

    /// @notice Whether every member of a lower index is removed. At most 256 words are read.
    function isFirst(uint256 index) internal view returns (bool) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        for (uint256 word; word < index / 256; ++word) {
            if (l.removedBits[word] != type(uint256).max) return false;
        }
        uint256 below = (ONE << (index % 256)) - 1;
        return l.removedBits[index / 256] & below == below;
    }

    function _admit(
        MemberStorage.Layout storage l,
        bytes32 memberId,
        bytes32 attestorId,
        address memberContract
    ) private {
        uint256 index = l.memberIds.length;
        if (index == MAX_MEMBERS) revert ClusterFull();
        l.memberIds.push(memberId);
        MemberRecord storage record = l.members[memberId];
        record.attestorId = attestorId;
        record.memberContract = memberContract;
        // below MAX_MEMBERS
        // forge-lint: disable-next-line(unsafe-typecast)
        record.index = uint32(index);
        record.meshIp = MeshIpLib.assign(memberId);
        record.registeredBlock = uint48(block.number);
    }

    function _return(
        MemberStorage.Layout storage l,
        bytes32 memberId,
        bytes32 attestorId,
        address memberContract
    ) private {
        MemberRecord storage record = l.members[memberId];
        if (!record.readmitted) revert MemberBarred();
        if (record.attestorId != attestorId) revert WrongAttestor(record.attestorId);
        uint256 index = record.index;
        (record.removedAt, record.readmitted) = (0, false);
        l.removedBits[index / 256] &= ~(ONE << (index % 256));
        l.removedCount -= 1;
        delete l.formerIdOf[memberContract];
        // the old beat key may be why the member was removed
        delete NetworkStorage.layout().ed25519Keys[memberId];
    }
}
