// SPDX-License-Identifier: MIT
// Generations of the Cluster Shared Key. It decides what may be committed and when; who asks is the facets'
// question.
pragma solidity 0.8.30;

import {ICsk} from "../interfaces/ICsk.sol";
import {CskStorage} from "../storage/CskStorage.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {CommitmentReused, ZeroCommitment} from "../types/Errors.sol";

/// @title CskLib
library CskLib {
    /// @notice Ask for the next generation; nothing while one is pending, nor before generation 1.
    function request() internal {
        CskStorage.Layout storage l = CskStorage.layout();
        uint32 generation = l.generation;
        if (generation == 0 || l.requested != generation) return;
        l.requested = generation + 1;
        emit ICsk.CskRotationRequested(generation + 1);
    }

    /// @notice Commit a generation. Reverts `ZeroCommitment()` and, for one that any earlier generation used,
    ///         `CommitmentReused()`: a lazy or bribed member must not hand a removed one the old key.
    function commit(uint32 generation, bytes32 memberId, bytes32 commitment) internal {
        if (commitment == 0) revert ZeroCommitment();
        CskStorage.Layout storage l = CskStorage.layout();
        if (l.uses[commitment].generation != 0) revert CommitmentReused();
        l.generation = generation;
        l.requested = generation;
        l.commitments[generation] = commitment;
        l.uses[commitment] = CskStorage.Use({
            generation: generation, committerIndex: MemberStorage.layout().members[memberId].index
        });
        emit ICsk.CskCommitted(generation, memberId, commitment);
    }
}
