// SPDX-License-Identifier: MIT
// Generations of the Cluster Shared Key: who may commit which, and what was committed. The key itself never
// comes near the chain.
pragma solidity 0.8.30;

/// @title ICsk
/// @notice Commitments to the Cluster Shared Key, one per generation, each once and never the same twice.
interface ICsk {
    event CskCommitmentSet(bytes32 commitment);
    event CskRotationRequested(uint32 indexed generation);
    event CskCommitted(uint32 indexed generation, bytes32 indexed memberId, bytes32 commitment);

    /// @notice Commit generation 1; the originator only, once.
    function setCskCommitment(bytes32 commitment) external;

    /// @notice The newest commitment; zero before the first.
    function cskCommitment() external view returns (bytes32);

    /// @notice The newest committed generation; 0 if none.
    function cskGeneration() external view returns (uint32);

    /// @notice The committed generation, or the next one while a rotation is pending.
    function cskRequestedGeneration() external view returns (uint32);

    /// @notice The commitment of a generation; zero if it has none.
    function cskCommitmentAt(uint32 generation) external view returns (bytes32);

    /// @notice The member that committed a generation and can re-derive it; zero if none.
    function cskCommitterOf(uint32 generation) external view returns (bytes32);

    /// @notice Request a rotation (cluster owner); nothing changes while one is pending.
    function requestCskRotation() external;

    /// @notice Commit the pending generation; any current member, the first wins.
    function commitCsk(uint32 generation, bytes32 commitment) external;
}
