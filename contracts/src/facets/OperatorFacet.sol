// SPDX-License-Identifier: MIT
// The operator attestor: an allowlisted key vouches for a member. It vouches by a key, not by hardware, is for
// development and nodes without a TEE, and is never installed by default.
pragma solidity 0.8.30;

import {IAttestorFacet, IFacet} from "../interfaces/IAttestorFacet.sol";
import {IClusterMemberFactory} from "../interfaces/IClusterMemberFactory.sol";
import {IOperatorFacet} from "../interfaces/IOperatorFacet.sol";
import {BindingLib} from "../libraries/BindingLib.sol";
import {ClusterAuth} from "../libraries/ClusterAuth.sol";
import {DiamondContext} from "../libraries/DiamondContext.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {SigLib} from "../libraries/SigLib.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {OperatorStorage} from "../storage/OperatorStorage.sol";
import {
    BindingMismatch,
    CallerNotMember,
    NotOurMember,
    OperatorSignerNotAllowed,
    TooManySigners,
    VoucherExpired,
    ZeroAddress
} from "../types/Errors.sol";
import {OperatorProof} from "../types/OperatorTypes.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

/// @title OperatorFacet
/// @notice Members admitted here are vouched for by a key, not by hardware.
contract OperatorFacet is IOperatorFacet, IAttestorFacet, ClusterAuth, DiamondContext {
    using EnumerableSet for EnumerableSet.AddressSet;

    bytes32 internal constant ATTESTOR_ID = keccak256("attestmesh.attestor.operator");
    /// @dev `operatorSigners()` answers all of them at once.
    uint256 internal constant MAX_SIGNERS = 64;

    /// @inheritdoc IOperatorFacet
    // solhint-disable-next-line func-name-mixedcase
    function operator_register(
        OperatorProof calldata proof,
        address memberContract,
        bytes32 xPubKey,
        bytes32 wgPubKey
    ) external returns (bytes32 memberId) {
        // a voucher is public in the mempool
        if (msg.sender != memberContract) revert CallerNotMember();
        MemberLib.requireNotBarred(memberContract);
        if (!IClusterMemberFactory(MemberStorage.layout().memberFactory).isOurMember(memberContract)) {
            revert NotOurMember();
        }
        // the deadline bounds how long a voucher can wait; a proposer's seconds do not matter to it
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > proof.expiry) revert VoucherExpired();
        if (!isOperatorSigner(proof.signer)) revert OperatorSignerNotAllowed();
        if (proof.ownerKey == address(0)) revert ZeroAddress();
        bytes32 bound = BindingLib.operator(
            address(this), memberContract, xPubKey, wgPubKey, proof.ownerKey, proof.expiry
        );
        if (SigLib.recover(SigLib.toEip191(bound), proof.signature) != proof.signer) {
            revert BindingMismatch();
        }

        memberId = MemberLib.register(ATTESTOR_ID, memberContract, xPubKey, wgPubKey, proof.ownerKey);
        emit OperatorMemberRegistered(memberId, proof.signer, proof.ownerKey);
    }

    /// @inheritdoc IOperatorFacet
    function addOperatorSigner(address signer) external onlyClusterOwner {
        _add(signer);
    }

    /// @inheritdoc IOperatorFacet
    function removeOperatorSigner(address signer) external onlyClusterOwner {
        if (_signers().remove(signer)) emit OperatorSignerRemoved(signer);
    }

    /// @inheritdoc IOperatorFacet
    function isOperatorSigner(address signer) public view returns (bool) {
        return _signers().contains(signer);
    }

    /// @inheritdoc IOperatorFacet
    function operatorSigners() external view returns (address[] memory) {
        return _signers().values();
    }

    /// @inheritdoc IAttestorFacet
    function attestorId() external pure returns (bytes32) {
        return ATTESTOR_ID;
    }

    /// @inheritdoc IAttestorFacet
    /// @dev `initData` is abi.encode(address[] signers).
    function initAttestor(bytes calldata initData) external onlyConfiguredDiamond {
        OperatorStorage.layout().installation += 1;
        address[] memory signers = abi.decode(initData, (address[]));
        for (uint256 i; i < signers.length; ++i) {
            _add(signers[i]);
        }
    }

    /// @inheritdoc IAttestorFacet
    /// @dev There is no interface id to clear: the function is there so that every attestor is removed the same way.
    // solhint-disable-next-line no-empty-blocks
    function retireAttestor() external onlyConfiguredDiamond {}

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](5);
        s[0] = IOperatorFacet.operator_register.selector;
        s[1] = IOperatorFacet.addOperatorSigner.selector;
        s[2] = IOperatorFacet.removeOperatorSigner.selector;
        s[3] = IOperatorFacet.isOperatorSigner.selector;
        s[4] = IOperatorFacet.operatorSigners.selector;
    }

    /// @dev Zero must never be listed: a signature that does not recover answers it.
    function _add(address signer) private {
        if (signer == address(0)) revert ZeroAddress();
        EnumerableSet.AddressSet storage signers = _signers();
        if (!signers.add(signer)) return;
        if (signers.length() > MAX_SIGNERS) revert TooManySigners();
        emit OperatorSignerAdded(signer);
    }

    function _signers() private view returns (EnumerableSet.AddressSet storage) {
        OperatorStorage.Layout storage l = OperatorStorage.layout();
        return l.signers[l.installation];
    }
}
