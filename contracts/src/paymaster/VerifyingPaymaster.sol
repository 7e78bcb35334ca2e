// SPDX-License-Identifier: MIT
// A paymaster for operations that its signer approved off chain, so that a team needs no sponsorship vendor. What
// deserves sponsorship is the signer's policy; the signer rotates, which is why the paymaster must be staked.
pragma solidity 0.8.30;

import {IEntryPointStake, IVerifyingPaymaster} from "../interfaces/IVerifyingPaymaster.sol";
import {SigLib} from "../libraries/SigLib.sol";
import {OnlyEntryPoint, ZeroAddress} from "../types/Errors.sol";
import {ENTRY_POINT_V07, PackedUserOperation, VALIDATION_FAILED} from "../types/UserOperation.sol";
import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @title VerifyingPaymaster
contract VerifyingPaymaster is IVerifyingPaymaster, Ownable2Step {
    IEntryPointStake private constant ENTRY_POINT = IEntryPointStake(ENTRY_POINT_V07);
    // paymasterAndData: address, two uint128 gas limits, then abi.encode(validUntil, validAfter), then the signature
    uint256 private constant LIMITS_OFFSET = 20;
    uint256 private constant TIMES_OFFSET = 52;
    uint256 private constant SIGNATURE_OFFSET = 116;

    /// @inheritdoc IVerifyingPaymaster
    address public signer;

    constructor(address owner_, address signer_) Ownable(owner_) {
        _setSigner(signer_);
    }

    /// @inheritdoc IVerifyingPaymaster
    function deposit() external payable {
        ENTRY_POINT.depositTo{value: msg.value}(address(this));
    }

    /// @inheritdoc IVerifyingPaymaster
    function setSigner(address newSigner) external onlyOwner {
        _setSigner(newSigner);
    }

    /// @inheritdoc IVerifyingPaymaster
    function withdrawTo(address payable to, uint256 amountWei) external onlyOwner {
        ENTRY_POINT.withdrawTo(to, amountWei);
    }

    /// @inheritdoc IVerifyingPaymaster
    function addStake(uint32 unstakeDelaySecs) external payable onlyOwner {
        ENTRY_POINT.addStake{value: msg.value}(unstakeDelaySecs);
    }

    /// @inheritdoc IVerifyingPaymaster
    function unlockStake() external onlyOwner {
        ENTRY_POINT.unlockStake();
    }

    /// @inheritdoc IVerifyingPaymaster
    function withdrawStake(address payable to) external onlyOwner {
        ENTRY_POINT.withdrawStake(to);
    }

    /// @inheritdoc IVerifyingPaymaster
    /// @dev Malformed data is a wrong signature, never a revert. The context is empty, so no postOp is ever called.
    function validatePaymasterUserOp(PackedUserOperation calldata userOp, bytes32, uint256)
        external
        view
        returns (bytes memory context, uint256 validationData)
    {
        if (msg.sender != ENTRY_POINT_V07) revert OnlyEntryPoint();
        bytes calldata data = userOp.paymasterAndData;
        if (data.length < SIGNATURE_OFFSET) return ("", VALIDATION_FAILED);
        uint256 validUntil = uint256(bytes32(data[TIMES_OFFSET:TIMES_OFFSET + 32]));
        uint256 validAfter = uint256(bytes32(data[TIMES_OFFSET + 32:SIGNATURE_OFFSET]));
        if (validUntil > type(uint48).max || validAfter > type(uint48).max) return ("", VALIDATION_FAILED);
        // both were compared with the bound of the type
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes32 digest = SigLib.toEip191(getHash(userOp, uint48(validUntil), uint48(validAfter)));
        // the signer is never zero, and a failed recovery is
        bool good = SigLib.recover(digest, data[SIGNATURE_OFFSET:]) == signer;
        validationData = (good ? 0 : VALIDATION_FAILED) | validUntil << 160 | validAfter << 208;
    }

    /// @notice Always refused: without an owner the deposit and the stake would be lost.
    function renounceOwnership() public view override onlyOwner {
        revert ZeroAddress();
    }

    /// @inheritdoc IVerifyingPaymaster
    function getHash(PackedUserOperation calldata userOp, uint48 validUntil, uint48 validAfter)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                userOp.sender,
                userOp.nonce,
                keccak256(userOp.initCode),
                keccak256(userOp.callData),
                userOp.accountGasLimits,
                bytes32(userOp.paymasterAndData[LIMITS_OFFSET:TIMES_OFFSET]),
                userOp.preVerificationGas,
                userOp.gasFees,
                block.chainid,
                address(this),
                validUntil,
                validAfter
            )
        );
    }

    function _setSigner(address newSigner) private {
        if (newSigner == address(0)) revert ZeroAddress();
        emit SignerChanged(signer, newSigner);
        signer = newSigner;
    }
}
