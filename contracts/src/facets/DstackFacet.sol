// SPDX-License-Identifier: MIT
// The dstack attestor: registration by a KMS signature chain, and the boot gate that dstack's KMS asks. The
// chain proves which app a key belongs to; what code may boot as that app is the gate's policy alone.
pragma solidity 0.8.30;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IAppAuthBasicManagement} from "../interfaces/IAppAuthBasicManagement.sol";
import {IAppPolicy} from "../interfaces/IAppPolicy.sol";
import {IAttestorFacet, IFacet} from "../interfaces/IAttestorFacet.sol";
import {IClusterMemberFactory} from "../interfaces/IClusterMemberFactory.sol";
import {IDstackFacet} from "../interfaces/IDstackFacet.sol";
import {BindingLib} from "../libraries/BindingLib.sol";
import {ClusterAuth} from "../libraries/ClusterAuth.sol";
import {DiamondContext} from "../libraries/DiamondContext.sol";
import {DstackChainLib} from "../libraries/DstackChainLib.sol";
import {MemberLib} from "../libraries/MemberLib.sol";
import {PointLib} from "../libraries/PointLib.sol";
import {SigLib} from "../libraries/SigLib.sol";
import {DstackStorage} from "../storage/DstackStorage.sol";
import {MemberStorage} from "../storage/MemberStorage.sol";
import {AppBootInfo, DstackInit, DstackProof} from "../types/DstackTypes.sol";
import {
    BindingMismatch,
    CallerNotMember,
    CodeIdMismatch,
    InvalidSigChain,
    NotOurMember,
    WrongPurpose
} from "../types/Errors.sol";
import {ERC165BaseInternal} from "@solidstate/contracts/introspection/ERC165/base/ERC165BaseInternal.sol";

/// @title DstackFacet
contract DstackFacet is IDstackFacet, IAttestorFacet, ClusterAuth, DiamondContext, ERC165BaseInternal {
    bytes32 internal constant ATTESTOR_ID = keccak256("attestmesh.attestor.dstack");
    bytes32 internal constant PURPOSE_HASH = keccak256("attestmesh.binding.v1");
    bytes32 internal constant LEGACY_PURPOSE_HASH = keccak256("ethereum");
    bytes32 internal constant TCB_UP_TO_DATE_HASH = keccak256("UpToDate");

    /// @inheritdoc IDstackFacet
    // solhint-disable-next-line func-name-mixedcase
    function dstack_register(
        DstackProof calldata proof,
        address memberContract,
        bytes32 xPubKey,
        bytes32 wgPubKey
    ) external returns (bytes32 memberId) {
        _checkCaller(memberContract);
        MemberLib.requireNotBarred(memberContract);
        if (!_isOurs(memberContract)) revert NotOurMember();
        if (proof.codeId != bytes32(bytes20(memberContract))) revert CodeIdMismatch();
        bytes32 bound = BindingLib.dstack(address(this), memberContract, xPubKey, wgPubKey);
        if (proof.messageHash != bound) revert BindingMismatch();
        _checkPurpose(proof.purpose);
        address derivedKey = _checkChain(proof, memberContract);

        memberId = MemberLib.register(ATTESTOR_ID, memberContract, xPubKey, wgPubKey, derivedKey);
        emit DstackMemberRegistered(memberId, proof.codeId, derivedKey);
    }

    /// @inheritdoc IAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo)
        external
        view
        returns (bool isAllowed, string memory reason)
    {
        DstackStorage.Layout storage d = DstackStorage.layout();
        if (!allowedComposeHashes(bootInfo.composeHash)) return (false, "compose hash not allowed");
        if (!d.allowAnyDevice && !allowedDeviceIds(bootInfo.deviceId)) return (false, "device not allowed");
        MemberStorage.Layout storage m = MemberStorage.layout();
        bool known = m.memberIdOf[bootInfo.appId] != 0 || m.formerIdOf[bootInfo.appId] != 0;
        if (!known && !allowedAppIds(bootInfo.appId)) return (false, "appId not allowlisted");
        if (d.requireTcbUpToDate && keccak256(bytes(bootInfo.tcbStatus)) != TCB_UP_TO_DATE_HASH) {
            return (false, "tcb not up to date");
        }
        if (MemberLib.isBarred(bootInfo.appId)) return (false, "member removed");
        return (true, "");
    }

    /// @inheritdoc IAppAuthBasicManagement
    function addComposeHash(bytes32 composeHash) external onlyClusterOwner {
        _addComposeHash(composeHash);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function removeComposeHash(bytes32 composeHash) external onlyClusterOwner {
        delete DstackStorage.layout().allowedComposeHashes[composeHash];
        emit ComposeHashRemoved(composeHash);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function addDevice(bytes32 deviceId) external onlyClusterOwner {
        _addDevice(deviceId);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function removeDevice(bytes32 deviceId) external onlyClusterOwner {
        delete DstackStorage.layout().allowedDeviceIds[deviceId];
        emit DeviceRemoved(deviceId);
    }

    /// @inheritdoc IAppPolicy
    function setAllowAnyDevice(bool allowAny) external onlyClusterOwner {
        _setAllowAnyDevice(allowAny);
    }

    /// @inheritdoc IAppPolicy
    function setRequireTcbUpToDate(bool required) external onlyClusterOwner {
        _setRequireTcbUpToDate(required);
    }

    /// @inheritdoc IDstackFacet
    function addAllowedKmsRoot(address kmsRoot) external onlyClusterOwner {
        _addKmsRoot(kmsRoot);
    }

    /// @inheritdoc IDstackFacet
    function removeAllowedKmsRoot(address kmsRoot) external onlyClusterOwner {
        delete DstackStorage.layout().allowedKmsRoots[kmsRoot];
        emit KmsRootRemoved(kmsRoot);
    }

    /// @inheritdoc IDstackFacet
    function addAllowedAppId(address appId) external onlyClusterOwner {
        DstackStorage.Layout storage d = DstackStorage.layout();
        d.allowedAppIds[appId] = d.installation;
        emit AppIdAllowed(appId);
    }

    /// @inheritdoc IDstackFacet
    function removeAllowedAppId(address appId) external onlyClusterOwner {
        delete DstackStorage.layout().allowedAppIds[appId];
        emit AppIdDisallowed(appId);
    }

    /// @inheritdoc IDstackFacet
    function setAllowLegacyRegistration(bool allowed) external onlyClusterOwner {
        DstackStorage.layout().allowLegacyRegistration = allowed;
        emit AllowLegacyRegistrationSet(allowed);
    }

    /// @inheritdoc IAppPolicy
    function allowedComposeHashes(bytes32 composeHash) public view returns (bool) {
        DstackStorage.Layout storage d = DstackStorage.layout();
        return _isCurrent(d, d.allowedComposeHashes[composeHash]);
    }

    /// @inheritdoc IAppPolicy
    function allowedDeviceIds(bytes32 deviceId) public view returns (bool) {
        DstackStorage.Layout storage d = DstackStorage.layout();
        return _isCurrent(d, d.allowedDeviceIds[deviceId]);
    }

    /// @inheritdoc IDstackFacet
    function allowedKmsRoots(address kmsRoot) public view returns (bool) {
        DstackStorage.Layout storage d = DstackStorage.layout();
        return _isCurrent(d, d.allowedKmsRoots[kmsRoot]);
    }

    /// @inheritdoc IDstackFacet
    function allowedAppIds(address appId) public view returns (bool) {
        DstackStorage.Layout storage d = DstackStorage.layout();
        return _isCurrent(d, d.allowedAppIds[appId]);
    }

    /// @inheritdoc IAppPolicy
    function allowAnyDevice() external view returns (bool) {
        return DstackStorage.layout().allowAnyDevice;
    }

    /// @inheritdoc IAppPolicy
    function requireTcbUpToDate() external view returns (bool) {
        return DstackStorage.layout().requireTcbUpToDate;
    }

    /// @inheritdoc IDstackFacet
    function allowLegacyRegistration() external view returns (bool) {
        return DstackStorage.layout().allowLegacyRegistration;
    }

    /// @inheritdoc IAppPolicy
    function version() external pure returns (uint256) {
        return 1;
    }

    /// @inheritdoc IAttestorFacet
    function attestorId() external pure returns (bytes32) {
        return ATTESTOR_ID;
    }

    /// @inheritdoc IAttestorFacet
    /// @dev `initData` is abi.encode(DstackInit). A zero root is left out: the owner adds roots later.
    function initAttestor(bytes calldata initData) external onlyConfiguredDiamond {
        DstackInit memory init = abi.decode(initData, (DstackInit));
        DstackStorage.Layout storage d = DstackStorage.layout();
        // from here on every entry of an earlier installation is stale
        d.installation += 1;
        d.allowLegacyRegistration = false;
        if (init.kmsRootSigner != address(0)) _addKmsRoot(init.kmsRootSigner);
        for (uint256 i; i < init.composeHashes.length; ++i) {
            _addComposeHash(init.composeHashes[i]);
        }
        for (uint256 i; i < init.deviceIds.length; ++i) {
            _addDevice(init.deviceIds[i]);
        }
        _setAllowAnyDevice(init.allowAnyDevice);
        _setRequireTcbUpToDate(init.requireTcbUpToDate);
        _setInterfaces(true);
    }

    /// @inheritdoc IAttestorFacet
    function retireAttestor() external onlyConfiguredDiamond {
        _setInterfaces(false);
    }

    /// @inheritdoc IFacet
    function selectorManifest() external pure returns (bytes4[] memory s) {
        s = new bytes4[](21);
        uint256 n;
        s[n++] = IDstackFacet.dstack_register.selector;
        s[n++] = IAppAuth.isAppAllowed.selector;
        s[n++] = IAppAuthBasicManagement.addComposeHash.selector;
        s[n++] = IAppAuthBasicManagement.removeComposeHash.selector;
        s[n++] = IAppAuthBasicManagement.addDevice.selector;
        s[n++] = IAppAuthBasicManagement.removeDevice.selector;
        s[n++] = IAppPolicy.setAllowAnyDevice.selector;
        s[n++] = IAppPolicy.setRequireTcbUpToDate.selector;
        s[n++] = IDstackFacet.addAllowedKmsRoot.selector;
        s[n++] = IDstackFacet.removeAllowedKmsRoot.selector;
        s[n++] = IDstackFacet.addAllowedAppId.selector;
        s[n++] = IDstackFacet.removeAllowedAppId.selector;
        s[n++] = IDstackFacet.setAllowLegacyRegistration.selector;
        s[n++] = IAppPolicy.allowedComposeHashes.selector;
        s[n++] = IAppPolicy.allowedDeviceIds.selector;
        s[n++] = IDstackFacet.allowedKmsRoots.selector;
        s[n++] = IDstackFacet.allowedAppIds.selector;
        s[n++] = IAppPolicy.allowAnyDevice.selector;
        s[n++] = IAppPolicy.requireTcbUpToDate.selector;
        s[n++] = IDstackFacet.allowLegacyRegistration.selector;
        s[n++] = IAppPolicy.version.selector;
    }

    /// @dev A proof is public once it is in a transaction, so only the member itself may present it. Under legacy
    ///      registration anybody may for a first registration, which cannot undo a removal.
    function _checkCaller(address memberContract) private view {
        if (msg.sender == memberContract) return;
        bool legacyFirst = DstackStorage.layout().allowLegacyRegistration
            && MemberStorage.layout().formerIdOf[memberContract] == 0;
        if (!legacyFirst) revert CallerNotMember();
    }

    function _isOurs(address memberContract) private view returns (bool) {
        return IClusterMemberFactory(MemberStorage.layout().memberFactory).isOurMember(memberContract)
            || allowedAppIds(memberContract);
    }

    function _checkPurpose(string calldata purpose) private view {
        bytes32 hash = keccak256(bytes(purpose));
        if (hash == PURPOSE_HASH) return;
        if (hash == LEGACY_PURPOSE_HASH && DstackStorage.layout().allowLegacyRegistration) return;
        revert WrongPurpose();
    }

    /// @dev An unlisted root answers like a broken link, as on live clusters.
    function _checkChain(DstackProof calldata proof, address memberContract)
        private
        view
        returns (address derivedKey)
    {
        address root = DstackChainLib.recoverRoot(
            memberContract,
            proof.purpose,
            proof.derivedCompressedPubkey,
            proof.appCompressedPubkey,
            proof.appSignature,
            proof.kmsSignature
        );
        if (!allowedKmsRoots(root)) revert InvalidSigChain();
        derivedKey = PointLib.toAddress(proof.derivedCompressedPubkey);
        // the address of a curve point is never zero in practice, and a failed recovery is
        if (SigLib.recover(SigLib.toEip191(proof.messageHash), proof.messageSignature) != derivedKey) {
            revert InvalidSigChain();
        }
    }

    function _isCurrent(DstackStorage.Layout storage d, uint32 addedBy) private view returns (bool) {
        return addedBy != 0 && addedBy == d.installation;
    }

    function _addComposeHash(bytes32 composeHash) private {
        DstackStorage.Layout storage d = DstackStorage.layout();
        d.allowedComposeHashes[composeHash] = d.installation;
        emit ComposeHashAdded(composeHash);
    }

    function _addDevice(bytes32 deviceId) private {
        DstackStorage.Layout storage d = DstackStorage.layout();
        d.allowedDeviceIds[deviceId] = d.installation;
        emit DeviceAdded(deviceId);
    }

    function _addKmsRoot(address kmsRoot) private {
        DstackStorage.Layout storage d = DstackStorage.layout();
        d.allowedKmsRoots[kmsRoot] = d.installation;
        emit KmsRootAdded(kmsRoot);
    }

    function _setAllowAnyDevice(bool allowAny) private {
        DstackStorage.layout().allowAnyDevice = allowAny;
        emit AllowAnyDeviceSet(allowAny);
    }

    function _setRequireTcbUpToDate(bool required) private {
        DstackStorage.layout().requireTcbUpToDate = required;
        emit RequireTcbUpToDateSet(required);
    }

    function _setInterfaces(bool supported) private {
        _setSupportsInterface(type(IAppAuth).interfaceId, supported);
        _setSupportsInterface(type(IAppAuthBasicManagement).interfaceId, supported);
    }
}
