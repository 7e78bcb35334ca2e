// SPDX-License-Identifier: MIT
// Deploys members at predictable addresses and remembers which ones it made. Anybody may deploy; what a member
// is worth is decided by the cluster it names.
pragma solidity 0.8.30;

import {IClusterMember} from "../interfaces/IClusterMember.sol";
import {IClusterMemberFactory} from "../interfaces/IClusterMemberFactory.sol";
import {NoCodeAt} from "../types/Errors.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

/// @title ClusterMemberFactory
contract ClusterMemberFactory is IClusterMemberFactory {
    /// @inheritdoc IClusterMemberFactory
    address public immutable implementation;
    /// @inheritdoc IClusterMemberFactory
    address[] public deployedMembers;
    /// @inheritdoc IClusterMemberFactory
    mapping(address account => bool) public isOurMember;

    constructor(address implementation_) {
        if (implementation_.code.length == 0) revert NoCodeAt(implementation_);
        implementation = implementation_;
    }

    /// @inheritdoc IClusterMemberFactory
    function deployMember(address cluster, bytes32 salt) external returns (address member) {
        bytes memory init = _initCall(cluster);
        member = address(new ERC1967Proxy{salt: salt}(implementation, init));
        deployedMembers.push(member);
        isOurMember[member] = true;
        emit MemberDeployed(member, cluster, salt);
    }

    /// @inheritdoc IClusterMemberFactory
    function predictMemberAddress(address cluster, bytes32 salt) external view returns (address) {
        bytes memory arguments = abi.encode(implementation, _initCall(cluster));
        return
            Create2.computeAddress(salt, keccak256(bytes.concat(type(ERC1967Proxy).creationCode, arguments)));
    }

    function _initCall(address cluster) private pure returns (bytes memory) {
        return abi.encodeCall(IClusterMember.initialize, (cluster));
    }
}
