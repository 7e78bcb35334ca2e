// SPDX-License-Identifier: MIT
// The member registry facet: reads, removal and the two owners. Admission is the attestor facets', through
// MemberLib.
pragma solidity 0.8.30;

import {IAttest} from "../interfaces/IAttest.sol";
import {IFacet} from "../interfaces/IAttestorFacet.sol";
import {ClusterAuth} from "../libraries/ClusterAuth.sol";
import {CskLib} from "../libraries/CskLib.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {MeshIpLib} from "../libraries/MeshIpLib.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {NetworkStorage} from "../storage/NetworkStorage.sol";
import {NoSuchMember, NotClusterOwner} from "../types/Errors.sol";
import {Member, MemberRecord, MemberView} from "../types/MemberTypes.sol";
import {OwnableStorage} from "@solidstate/contracts/access/ownable/OwnableStorage.sol";
import {SafeOwnableStorage} from "@solidstate/contracts/access/ownable/SafeOwnableStorage.sol";
import {IERC173Internal} from "@solidstate/contracts/interfaces/IERC173Internal.sol";

/// @title AttestFacet
contract AttestFacet is IAttest, IFacet, ClusterAuth, IERC173Internal {
    /// @inheritdoc IAttest
    function isClusterMember(address account) external view returns (bool) {
        return MemberStorage.layout().memberIdOf[account] != 0;
    }

    /// @inheritdoc IAttest
    function memberIdOf(address account) external view returns (bytes32) {
        return MemberStorage.layout().memberIdOf[account];
    }

    /// @inheritdoc IAttest
    function memberOf(address account) external view returns (Member memory) {
        return memberById(MemberStorage.layout().memberIdOf[account]);
    }

    /// @inheritdoc IAttest
    function memberById(bytes32 memberId) public view returns (Member memory member) {
        if (!MemberLib.isLive(memberId)) return member;
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        member = Member({
            attestorId: record.attestorId,
            memberContract: record.memberContract,
            xPubKey: record.xPubKey,
            wgPubKey: record.wgPubKey,
            registeredAt: record.registeredAt
        });
    }

    /// @inheritdoc IAttest
    function xPubKeyOf(bytes32 memberId) external view returns (bytes32) {
        return MemberLib.isLive(memberId) ? MemberStorage.layout().members[memberId].xPubKey : bytes32(0);
    }

    /// @inheritdoc IAttest
    function listMembers() external view returns (bytes32[] memory list) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        list = new bytes32[](memberCount());
        uint256 bits;
        uint256 next;
        for (uint256 i; next < list.length; ++i) {
            if (i % 256 == 0) bits = l.removedBits[i / 256];
            if (bits >> (i % 256) & 1 == 0) list[next++] = l.memberIds[i];
        }
    }

    /// @inheritdoc IAttest
    function memberCount() public view returns (uint256) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        return l.memberIds.length - l.removedCount;
    }

    /// @inheritdoc IAttest
    function registeredCount() external view returns (uint32) {
        return uint32(MemberStorage.layout().memberIds.length);
    }

    /// @inheritdoc IAttest
    function indexOf(bytes32 memberId) external view returns (uint32) {
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        if (record.registeredAt == 0) revert NoSuchMember();
        return record.index;
    }

    /// @inheritdoc IAttest
    function memberAt(uint32 index) external view returns (bytes32) {
        bytes32[] storage ids = MemberStorage.layout().memberIds;
        if (index >= ids.length) revert NoSuchMember();
        return ids[index];
    }

    /// @inheritdoc IAttest
    function members(uint32 from, uint32 max) external view returns (MemberView[] memory page, uint32 next) {
        uint256 count = MemberStorage.layout().memberIds.length;
        uint256 end = uint256(from) + max;
        if (end >= count) end = count;
        // below the count, which is at most 65,536
        // forge-lint: disable-next-line(unsafe-typecast)
        else next = uint32(end);
        page = new MemberView[](end > from ? end - from : 0);
        for (uint256 i; i < page.length; ++i) {
            page[i] = _view(MemberStorage.layout().memberIds[from + i]);
        }
    }

    /// @inheritdoc IAttest
    function meshCidr() external view returns (uint32 ip, uint8 prefix) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        return (l.meshCidrIp, l.meshCidrPrefix);
    }

    /// @inheritdoc IAttest
    function meshIpOf(bytes32 memberId) external view returns (uint32) {
        uint32 stored = MemberStorage.layout().members[memberId].meshIp;
        return stored != 0 ? stored : MeshIpLib.firstChoice(memberId);
    }

    /// @inheritdoc IAttest
    function meshIp6Of(bytes32 memberId) external view returns (bytes16) {
        return MeshIpLib.ip6(address(this), memberId);
    }

    /// @inheritdoc IAttest
    function removeMember(bytes32 memberId) external onlyClusterOwner {
        // one that was readmitted and has not come back knows nothing newer: no rotation for it
        if (MemberLib.rebar(memberId)) return;
        MemberLib.remove(memberId);
        CskLib.request();
    }

    /// @inheritdoc IAttest
    function leave() external {
        MemberLib.remove(MemberLib.requireMember(msg.sender));
        CskLib.request();
    }

    /// @inheritdoc IAttest
    function readmitMember(bytes32 memberId) external onlyClusterOwner {
        MemberLib.readmit(memberId);
    }

    /// @inheritdoc IAttest
    function clusterOwner() external view returns (address) {
        return MemberStorage.layout().clusterOwner;
    }

    /// @inheritdoc IAttest
    function pendingClusterOwner() external view returns (address) {
        return MemberStorage.layout().pendingClusterOwner;
    }

    /// @inheritdoc IAttest
    function transferClusterOwnership(address newOwner) external onlyClusterOwner {
        MemberStorage.layout().pendingClusterOwner = newOwner;
        emit ClusterOwnershipTransferProposed(newOwner);
    }

    /// @inheritdoc IAttest
    function acceptClusterOwnership() external {
        MemberStorage.Layout storage l = MemberStorage.layout();
        address oldOwner = _takeClusterOwnership();
        // a nomination the old owner never used would let it cut the diamond after it has gone
        SafeOwnableStorage.Layout storage nomination = SafeOwnableStorage.layout();
        if (nomination.nomineeOwner == oldOwner) nomination.nomineeOwner = l.clusterOwner;
        emit ClusterOwnershipTransferAccepted(msg.sender);
    }

    /// @inheritdoc IAttest
    function transferBothOwners(address newOwner) external onlyClusterOwner {
        if (msg.sender != OwnableStorage.layout().owner) revert NotClusterOwner();
        SafeOwnableStorage.layout().nomineeOwner = newOwner;
        MemberStorage.layout().pendingClusterOwner = newOwner;
        emit BothOwnersTransferProposed(newOwner);
    }

    /// @inheritdoc IAttest
    function acceptBothOwners() external {
        SafeOwnableStorage.Layout storage nomination = SafeOwnableStorage.layout();
        if (msg.sender != nomination.nomineeOwner) revert NotClusterOwner();
        _takeClusterOwnership();
        nomination.nomineeOwner = address(0);
        OwnableStorage.Layout storage diamond = OwnableStorage.layout();
        emit OwnershipTransferred(diamond.owner, msg.sender);
        diamond.owner = msg.sender;
        emit BothOwnersTransferAccepted(msg.sender);
    }

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](23);
        uint256 n;
        s[n++] = IAttest.isClusterMember.selector;
        s[n++] = IAttest.memberIdOf.selector;
        s[n++] = IAttest.memberOf.selector;
        s[n++] = IAttest.memberById.selector;
        s[n++] = IAttest.xPubKeyOf.selector;
        s[n++] = IAttest.listMembers.selector;
        s[n++] = IAttest.memberCount.selector;
        s[n++] = IAttest.registeredCount.selector;
        s[n++] = IAttest.indexOf.selector;
        s[n++] = IAttest.memberAt.selector;
        s[n++] = IAttest.members.selector;
        s[n++] = IAttest.meshCidr.selector;
        s[n++] = IAttest.meshIpOf.selector;
        s[n++] = IAttest.meshIp6Of.selector;
        s[n++] = IAttest.removeMember.selector;
        s[n++] = IAttest.leave.selector;
        s[n++] = IAttest.readmitMember.selector;
        s[n++] = IAttest.clusterOwner.selector;
        s[n++] = IAttest.pendingClusterOwner.selector;
        s[n++] = IAttest.transferClusterOwnership.selector;
        s[n++] = IAttest.acceptClusterOwnership.selector;
        s[n++] = IAttest.transferBothOwners.selector;
        s[n++] = IAttest.acceptBothOwners.selector;
    }

    function _takeClusterOwnership() private returns (address oldOwner) {
        MemberStorage.Layout storage l = MemberStorage.layout();
        if (msg.sender != l.pendingClusterOwner) revert NotClusterOwner();
        oldOwner = l.clusterOwner;
        l.clusterOwner = msg.sender;
        l.pendingClusterOwner = address(0);
    }

    function _view(bytes32 memberId) private view returns (MemberView memory row) {
        MemberRecord storage record = MemberStorage.layout().members[memberId];
        row.memberId = memberId;
        row.memberContract = record.memberContract;
        row.index = record.index;
        row.attestorId = record.attestorId;
        row.xPubKey = record.xPubKey;
        row.wgPubKey = record.wgPubKey;
        row.ed25519Key = NetworkStorage.layout().ed25519Keys[memberId];
        row.meshIp = record.meshIp;
        row.meshIp6 = MeshIpLib.ip6(address(this), memberId);
        row.registeredAt = record.registeredAt;
        row.removedAt = record.removedAt;
        row.registeredBlock = record.registeredBlock;
    }
}
