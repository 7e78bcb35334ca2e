// SPDX-License-Identifier: MIT
// Every custom error of the contracts, in one place, so that a selector has one declaration. Names that are
// live on deployed clusters keep their names; it holds no logic.
pragma solidity 0.8.30;

// Membership

/// The contract is neither made by the cluster's member factory nor on its app id allowlist.
error NotOurMember();
/// The contract is a member already, under whatever attestor.
error AlreadyRegistered();
/// The caller, or the id given, is no current member.
error NotClusterMember();
/// The member was removed and not readmitted.
error MemberBarred();
/// The member is not barred, so there is nothing to lift.
error NotBarred();
/// No member ever had this index or id.
error NoSuchMember();
/// The cluster has given out all its member indices.
error ClusterFull();
/// Every address of the mesh network has been given out.
error MeshFull();
/// A readmitted member returns through the attestor it first registered with.
error WrongAttestor(bytes32 expected);

// Registration proofs

/// The registering account must be the member contract itself.
error CallerNotMember();
/// The proof's codeId is not the member contract's address.
error CodeIdMismatch();
/// The signed binding is not over exactly this cluster, member and these keys.
error BindingMismatch();
/// The proof's purpose is not the binding purpose.
error WrongPurpose();
/// A link of the signature chain fails, or its root is not allowlisted.
error InvalidSigChain();
/// A compressed point has a wrong prefix, a coordinate outside the field, or is not on the curve.
error PointNotOnCurve();
/// A compressed public key is not 33 bytes long.
error InvalidPubKeyLength();
/// The voucher's deadline has passed.
error VoucherExpired();
/// The voucher's signer is not on the operator signer list.
error OperatorSignerNotAllowed();
/// The operator signer list has reached its bound.
error TooManySigners();

// Keys and messages

/// A public key must not be zero.
error ZeroKey();
/// Another unremoved member holds this WireGuard key.
error WgKeyTaken(bytes32 holder);
/// This (recipient, envelope id) pair was used before.
error DuplicateEnvelope();
/// The recipient is no current member.
error RecipientNotMember();
/// The ciphertext is shorter than a sealed box or longer than the bound.
error BadCiphertextLength();

// Cluster Shared Key

/// Only the originator commits generation 1.
error NotOriginator();
/// Generation 1 has been committed.
error CskCommitmentAlreadySet();
/// Generation 1 has not been committed yet, so there is nothing to rotate.
error CskNotCommitted();
/// This generation is not the pending one.
error GenerationNotRequested();
/// A commitment must not be zero.
error ZeroCommitment();
/// An earlier generation used this commitment.
error CommitmentReused();

// Administration

/// The caller is not the cluster owner.
error NotClusterOwner();
/// The code runs outside a configured diamond's storage.
error NotDiamondContext();
/// The diamond has been configured already.
error AlreadyInitialized();
/// An address that must be given is zero.
error ZeroAddress();
/// An address that must be a contract has no code.
error NoCodeAt(address account);
/// The mesh prefix is outside 8..29, or the network has host bits set.
error InvalidMeshCidr();
/// The attestor facet is not on the factory's list.
error AttestorNotApproved();
/// The caller is not the factory owner.
error NotFactoryOwner();
/// The caller is not the registry owner.
error NotOwner();
/// The number of indexer records is outside 1..16.
error BadIndexerCount(uint256 count);

// Member account

/// The caller is not the EntryPoint.
error OnlyEntryPoint();
/// The caller is not the member's cluster.
error OnlyCluster();
/// The member has a cluster already.
error ClusterAlreadySet();
