// SPDX-License-Identifier: MIT
// One node on chain: dstack's app contract and the node's ERC-4337 account at one address. It replaces a stock
// dstack app in place, so all its state is in namespaced storage; membership is the cluster's business.
pragma solidity 0.8.30;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {IAppAuthBasicManagement} from "../interfaces/IAppAuthBasicManagement.sol";
import {IAttest} from "../interfaces/IAttest.sol";
import {IAccount, IClusterMember} from "../interfaces/IClusterMember.sol";
import {BootstrapLib} from "../libraries/BootstrapLib.sol";
import {SigLib} from "../libraries/SigLib.sol";
import {ClusterMemberStorage} from "../storage/ClusterMemberStorage.sol";
import {
    ClusterAlreadySet,
    NoCodeAt,
    NotClusterOwner,
    OnlyCluster,
    OnlyEntryPoint,
    ZeroAddress
} from "../types/Errors.sol";
import {
    ENTRY_POINT_V07,
    PackedUserOperation,
    VALIDATION_FAILED,
    VALIDATION_SUCCESS
} from "../types/UserOperation.sol";
import {DstackForwarder} from "./DstackForwarder.sol";
import {Initializable} from "@openzeppelin/contracts-upgradeable/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts-upgradeable/proxy/utils/UUPSUpgradeable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title ClusterMember
contract ClusterMember is Initializable, UUPSUpgradeable, DstackForwarder, IClusterMember, IERC165 {
    /// @notice The only EntryPoint this account listens to.
    address public constant ENTRY_POINT = ENTRY_POINT_V07;
    /// @dev Both initialisers share this number, so either burns the other.
    uint64 private constant INITIALIZED_VERSION = 2;

    constructor() {
        _disableInitializers();
    }

    /// @notice Anybody may send value; only the owner's operations can spend it.
    receive() external payable {}

    /// @inheritdoc IClusterMember
    function initialize(address cluster_) external reinitializer(INITIALIZED_VERSION) {
        _bind(cluster_);
    }

    /// @inheritdoc IClusterMember
    function reinitializeFromDstackApp(address cluster_) external reinitializer(INITIALIZED_VERSION) {
        _bind(cluster_);
    }

    /// @inheritdoc IAccount
    /// @dev While there is no owner the operation can only be the registration, and the account pays nothing for it;
    ///      its key signs under a nonce key of its own, which strangers cannot use up. Every recovery is done before
    ///      the one comparison, so that a dummy signature is estimated at what the real one costs.
    function validateUserOp(
        PackedUserOperation calldata userOp,
        bytes32 userOpHash,
        uint256 missingAccountFunds
    ) external returns (uint256) {
        if (msg.sender != ENTRY_POINT) revert OnlyEntryPoint();
        ClusterMemberStorage.Layout storage l = ClusterMemberStorage.layout();
        address signer = SigLib.recover(SigLib.toEip191(userOpHash), userOp.signature);
        address expected = l.owner;
        bool allowed = true;
        if (expected == address(0)) {
            expected = BootstrapLib.expectedSigner(userOp.callData, l.cluster);
            uint256 nonceKey = userOp.nonce >> 64;
            allowed = missingAccountFunds == 0 && _othersPay(userOp)
                && (nonceKey == 0 || nonceKey == uint256(uint160(expected)));
        } else if (missingAccountFunds != 0) {
            _payPrefund(missingAccountFunds);
        }
        return signer != address(0) && signer == expected && allowed ? VALIDATION_SUCCESS : VALIDATION_FAILED;
    }

    /// @inheritdoc IClusterMember
    function execute(address target, uint256 value, bytes calldata data) external {
        if (msg.sender != ENTRY_POINT) revert OnlyEntryPoint();
        // unlike OpenZeppelin's functionCall, a target without code is the owner's own decision
        // solhint-disable-next-line avoid-low-level-calls
        (bool success, bytes memory result) = target.call{value: value}(data);
        Address.verifyCallResult(success, result);
    }

    /// @inheritdoc IClusterMember
    // solhint-disable-next-line func-name-mixedcase
    function __setOwnerFromCluster(address newOwner) external {
        ClusterMemberStorage.Layout storage l = ClusterMemberStorage.layout();
        if (msg.sender != l.cluster) revert OnlyCluster();
        if (newOwner == address(0)) revert ZeroAddress();
        address current = l.owner;
        if (current == address(0)) {
            l.owner = newOwner;
            emit OwnerSet(newOwner);
        } else if (current != newOwner) {
            emit OwnerSetSkipped(current, newOwner);
        }
    }

    /// @inheritdoc IClusterMember
    function cluster() external view returns (address) {
        return _cluster();
    }

    /// @inheritdoc IClusterMember
    function owner() external view returns (address) {
        return ClusterMemberStorage.layout().owner;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IAppAuth).interfaceId
            || interfaceId == type(IAppAuthBasicManagement).interfaceId
            || interfaceId == type(IAccount).interfaceId;
    }

    function _cluster() internal view override returns (address) {
        return ClusterMemberStorage.layout().cluster;
    }

    function _authorizeUpgrade(address) internal view override {
        if (msg.sender != IAttest(_cluster()).clusterOwner()) revert NotClusterOwner();
    }

    function _bind(address cluster_) private {
        ClusterMemberStorage.Layout storage l = ClusterMemberStorage.layout();
        if (l.cluster != address(0)) revert ClusterAlreadySet();
        if (cluster_.code.length == 0) revert NoCodeAt(cluster_);
        l.cluster = cluster_;
    }

    /// @dev A paymaster is named, or the operation costs nothing; else a stranger could spend what lies here.
    function _othersPay(PackedUserOperation calldata userOp) private pure returns (bool) {
        bytes calldata sponsor = userOp.paymasterAndData;
        bool sponsored = sponsor.length >= 20 && bytes20(sponsor[0:20]) != 0;
        return sponsored || uint128(uint256(userOp.gasFees)) == 0;
    }

    function _payPrefund(uint256 amountWei) private {
        // the EntryPoint checks its books, and a failed payment ends the operation there, so the result is not used
        // solhint-disable-next-line avoid-low-level-calls, check-send-result
        (bool sent,) = payable(ENTRY_POINT).call{value: amountWei}("");
        (sent);
    }
}
