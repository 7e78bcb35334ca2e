// SPDX-License-Identifier: MIT
// The dstack face of a member contract: reads and the boot gate are answered by the cluster, writes are refused
// here, because forwarded ones would reach the cluster as the member's own.
pragma solidity 0.8.30;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IAppAuthBasicManagement} from "../interfaces/IAppAuthBasicManagement.sol";
import {IAppPolicy} from "../interfaces/IAppPolicy.sol";
import {AppBootInfo} from "../types/DstackTypes.sol";
import {NotClusterOwner} from "../types/Errors.sol";

/// @title DstackForwarder
abstract contract DstackForwarder is IAppAuth, IAppAuthBasicManagement, IAppPolicy {
    /// @dev (bool, string) with an empty string: two head words and a length.
    uint256 private constant MIN_GATE_ANSWER_BYTES = 96;

    /// @inheritdoc IAppAuth
    /// @dev Never reverts: a cluster without a gate, or with a broken one, is a denial that says so.
    function isAppAllowed(AppBootInfo calldata) external view returns (bool isAllowed, string memory reason) {
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory answer) = _cluster().staticcall(msg.data);
        if (!success || !_isGateAnswer(answer)) return (false, "no boot gate");
        return abi.decode(answer, (bool, string));
    }

    /// @inheritdoc IAppPolicy
    function allowedComposeHashes(bytes32 composeHash) external view returns (bool) {
        return IAppPolicy(_cluster()).allowedComposeHashes(composeHash);
    }

    /// @inheritdoc IAppPolicy
    function allowedDeviceIds(bytes32 deviceId) external view returns (bool) {
        return IAppPolicy(_cluster()).allowedDeviceIds(deviceId);
    }

    /// @inheritdoc IAppPolicy
    function allowAnyDevice() external view returns (bool) {
        return IAppPolicy(_cluster()).allowAnyDevice();
    }

    /// @inheritdoc IAppPolicy
    function requireTcbUpToDate() external view returns (bool) {
        return IAppPolicy(_cluster()).requireTcbUpToDate();
    }

    /// @inheritdoc IAppPolicy
    function version() external view returns (uint256) {
        return IAppPolicy(_cluster()).version();
    }

    /// @inheritdoc IAppAuthBasicManagement
    /// @dev Always refused; the cluster owner calls the cluster.
    function addComposeHash(bytes32) external pure {
        revert NotClusterOwner();
    }

    /// @inheritdoc IAppAuthBasicManagement
    /// @dev Always refused; the cluster owner calls the cluster.
    function removeComposeHash(bytes32) external pure {
        revert NotClusterOwner();
    }

    /// @inheritdoc IAppAuthBasicManagement
    /// @dev Always refused; the cluster owner calls the cluster.
    function addDevice(bytes32) external pure {
        revert NotClusterOwner();
    }

    /// @inheritdoc IAppAuthBasicManagement
    /// @dev Always refused; the cluster owner calls the cluster.
    function removeDevice(bytes32) external pure {
        revert NotClusterOwner();
    }

    /// @inheritdoc IAppPolicy
    /// @dev Always refused; the cluster owner calls the cluster.
    function setAllowAnyDevice(bool) external pure {
        revert NotClusterOwner();
    }

    /// @inheritdoc IAppPolicy
    /// @dev Always refused; the cluster owner calls the cluster.
    function setRequireTcbUpToDate(bool) external pure {
        revert NotClusterOwner();
    }

    /// @dev The cluster that answers.
    function _cluster() internal view virtual returns (address);

    /// @dev Whether an answer decodes as (bool, string); decoding another would revert.
    function _isGateAnswer(bytes memory answer) private pure returns (bool) {
        if (answer.length < MIN_GATE_ANSWER_BYTES) return false;
        (uint256 allowed, uint256 offset, uint256 length) = abi.decode(answer, (uint256, uint256, uint256));
        return allowed < 2 && offset == 64 && length <= answer.length - MIN_GATE_ANSWER_BYTES;
    }
}
