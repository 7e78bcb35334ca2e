// SPDX-License-Identifier: MIT
// Who holds which WireGuard key, so that no two current members ever have the same. It writes claims and the
// key of the record, and emits their event.
pragma solidity 0.8.30;

import {INetwork} from "../interfaces/INetwork.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {NetworkStorage} from "../storage/NetworkStorage.sol";
import {WgKeyTaken, ZeroKey} from "../types/Errors.sol";
import {MemberRecord} from "../types/MemberTypes.sol";

/// @title WgKeyLib
library WgKeyLib {
    /// @notice Claim a key for a member that registers with it. A key that another current member merely published
    ///         is taken from it: a registration proves that the node holds the key's binding, a publication only
    ///         that somebody knew the public key.
    function register(bytes32 memberId, MemberRecord storage member, bytes32 key) internal {
        (bytes32 holder, bool registered) = _holderOf(key, member.index);
        if (holder != 0) {
            if (registered) revert WgKeyTaken(holder);
            MemberStorage.layout().members[holder].wgPubKey = 0;
            emit INetwork.WgKeyPublished(holder, 0);
        }
        _claim(memberId, member, key, true);
    }

    /// @notice Claim a key for a member that publishes it. Reverts `WgKeyTaken(holder)` if another current member has
    ///         it or registered with it.
    function publish(bytes32 memberId, MemberRecord storage member, bytes32 key) internal {
        (bytes32 holder,) = _holderOf(key, member.index);
        if (holder != 0) revert WgKeyTaken(holder);
        NetworkStorage.WgClaim storage old = NetworkStorage.layout().wgClaims[key];
        // going back to the key one registered with must not weaken that claim
        bool registered =
            old.registered && old.holderPlusOne == member.index + 1 && old.tenure == member.tenure;
        _claim(memberId, member, key, registered);
    }

    /// @dev The other member whose claim on a key stands; zero if there is none or it is the asker's own.
    function _holderOf(bytes32 key, uint32 ownIndex) private view returns (bytes32 holder, bool registered) {
        if (key == 0) revert ZeroKey();
        NetworkStorage.WgClaim memory claim = NetworkStorage.layout().wgClaims[key];
        if (claim.holderPlusOne == 0 || claim.holderPlusOne == ownIndex + 1) return (0, false);
        MemberStorage.Layout storage l = MemberStorage.layout();
        holder = l.memberIds[claim.holderPlusOne - 1];
        MemberRecord storage other = l.members[holder];
        bool stands = other.removedAt == 0 && other.tenure == claim.tenure
            && (claim.registered || other.wgPubKey == key);
        return stands ? (holder, claim.registered) : (bytes32(0), false);
    }

    function _claim(bytes32 memberId, MemberRecord storage member, bytes32 key, bool registered) private {
        NetworkStorage.layout().wgClaims[key] = NetworkStorage.WgClaim({
            holderPlusOne: member.index + 1, tenure: member.tenure, registered: registered
        });
        member.wgPubKey = key;
        emit INetwork.WgKeyPublished(memberId, key);
    }
}
