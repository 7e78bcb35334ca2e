// SPDX-License-Identifier: MIT
// The key-issuance chain in the library: a chain captured from production, published fixtures, every byte flipped,
// and the encodings that count as the same signature.
pragma solidity 0.8.30;

import {DstackChainLib} from "../../src/libraries/DstackChainLib.sol";
import {PointLib} from "../../src/libraries/PointLib.sol";
import {SigLib} from "../../src/libraries/SigLib.sol";
import "../../src/types/Errors.sol";
import {Dstack} from "../utils/Dstack.sol";

/// @notice The library from outside, so that reverts can be looked at.
contract ChainHarness {
    function recoverRoot(
        address appId,
        string calldata purpose,
        bytes calldata derivedPubKey,
        bytes calldata appPubKey,
        bytes calldata appSignature,
        bytes calldata kmsSignature
    ) external view returns (address) {
        return DstackChainLib.recoverRoot(
            appId, purpose, derivedPubKey, appPubKey, appSignature, kmsSignature
        );
    }

    function toAddress(bytes calldata compressed) external view returns (address) {
        return PointLib.toAddress(compressed);
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return SigLib.recover(digest, signature);
    }
}

contract DstackChainTest is Dstack {
    struct Captured {
        address appId;
        string purpose;
        bytes derived;
        bytes app;
        bytes link0;
        bytes link1;
    }

    uint256 internal constant GROUP_ORDER =
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    address internal constant PRODUCTION_ROOT = 0x52d3CF51c8A37A2CCfC79bBb98c7810d7Dd4CE51;
    ChainHarness internal harness = new ChainHarness();

    /// @dev Captured from a live confidential VM under the KMS of Base mainnet (contract
    ///      0x2f83172A49584C017F2B256F0FB2Dca14126Ba9C), August 2025; constants of amiller/dstack-kms-simulator
    ///      at 154b15e7, contracts/test/SimpleDstackVerifier.t.sol. No private key of it is known.
    function production() internal pure returns (Captured memory c) {
        c.appId = 0x25e9A28b7c0CdAD98c25C0Ea226b1A94809e55C7;
        c.purpose = "mainnet";
        c.derived = hex"036d4d81a04af9c85a6be7b4756eed6746a558a64fb5b7946c678c493fcc0e55af";
        c.app = hex"02605c9587ae3c9c622a3f8478d773ea150256aa1d2888a8d395a3a2553f8f48e2";
        c.link0 =
            hex"38ff7ff5c251ff814eb56f8ec3ef3c58687d3ba04828c619c607e7f429f5cf8c5f226402e4e06f7d7f5205853893278e7fff3769516120573f03b531cf1e438700";
        c.link1 =
            hex"8166a59735c458253ba6012d1d671ff51eefe0931226c1a7baef5a375eeb205f20e1d7783980ecdf3c7f749ab96cf1ede1c90600190ea6000b33ed9b15720dcb00";
    }

    /// @dev dstack's simulator, 0.5.6 and later: a real KMS issued it; here the key of path "attestmesh", purpose
    ///      "ethereum" (Dstack-TEE/dstack sdk/simulator/appkeys.json).
    function simulator() internal pure returns (Captured memory c) {
        c.appId = 0x5bb4FF9A3837357F19dC176407a5709c62eB6C56;
        c.purpose = "ethereum";
        c.derived = hex"0339e8166d41463a41b9b1f00ec50679a9eda73e8e91e19764eb384ef00c00732d";
        c.app = hex"02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c";
        c.link0 =
            hex"091ec4087982f5ef4001afe951c5ec77929eca48970783e1a9e570f3db066329587890c29f70605346cdc6cd44bfb1889ec4a95e83d6b0ac6f331e1f99aee81501";
        c.link1 =
            hex"9e618603e72d01fedb82deff6daf2d62a572becf0059eec3f89c1ab40e1f2e594d2a283f843f34e8f39e4cc49a612496ce67223a12ac923f8efe330346dfc6c500";
    }

    function test_theProductionChainLeadsToTheProductionRoot() public view {
        vm.assertEq(run(production()), PRODUCTION_ROOT, "root");
        vm.assertEq(
            harness.toAddress(production().derived), 0xeC71dd9000346E766C44F4f9988521DA75Bf09Ec, "derived"
        );
        vm.assertEq(harness.toAddress(production().app), 0x2d7d3553dfD57203A1f52d2D97f256157a06666D, "app");
    }

    function test_theSimulatorsChainLeadsToItsRoot() public view {
        vm.assertEq(run(simulator()), 0xA7F6043C29f9cc1d9D6aCF554c53E0c6792AaEAf, "root");
    }

    /// @dev dstack's cross-SDK vector: root scalar published, key path "vms", purpose "signing".
    function test_theKeysAreDerivedAsDstackDerivesThem() public {
        address appId = 0xa9019D1B2c3d4e5F60718293a4b5c6D7e8f90a1b;
        vm.assertEq(
            appKey(appId), 0x2ae51b5c23b22c9b9dc0b8263a8b0b5f003e6d6fbc60c7ebb88696136a4dac0b, "app key"
        );
        vm.assertEq(vm.addr(KMS_ROOT_KEY), KMS_ROOT, "root");
        vm.assertEq(
            compressed(appKey(appId)),
            hex"03f8669c2bf08c4deeb712b81d456cd1eadbf97872dfc5d5ca916edf605fc5b6fe",
            "app public key"
        );
    }

    function test_theV27EncodingIsTheSameSignature() public view {
        Captured memory c = production();
        (c.link0[64], c.link1[64]) = (bytes1(uint8(27)), bytes1(uint8(27)));
        vm.assertEq(run(c), PRODUCTION_ROOT, "v = 27");
        c = simulator();
        c.link0[64] = bytes1(uint8(28));
        vm.assertEq(run(c), 0xA7F6043C29f9cc1d9D6aCF554c53E0c6792AaEAf, "v = 28");
    }

    function test_everyFlippedByteOfTheProductionChainIsRefused() public view {
        flipAll(production(), PRODUCTION_ROOT);
    }

    function test_everyFlippedByteOfTheSimulatorsChainIsRefused() public view {
        flipAll(simulator(), 0xA7F6043C29f9cc1d9D6aCF554c53E0c6792AaEAf);
    }

    function test_theHighTwinOfASignatureIsRefused() public view {
        Captured memory c = production();
        c.link0 = twin(c.link0);
        refused(c, PRODUCTION_ROOT, "link 0");
        c = production();
        c.link1 = twin(c.link1);
        refused(c, PRODUCTION_ROOT, "link 1");
    }

    function test_recoveryAnswersZeroForWhatIsNoSignature() public view {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(1, keccak256("digest"));
        address signer = vm.addr(1);
        vm.assertEq(recovered(abi.encodePacked(r, s, v)), signer, "27/28");
        vm.assertEq(recovered(abi.encodePacked(r, s, v - 27)), signer, "0/1");
        vm.assertEq(recovered(abi.encodePacked(r, s)), address(0), "64 bytes");
        vm.assertEq(recovered(abi.encodePacked(r, s, v, v)), address(0), "66 bytes");
        vm.assertEq(recovered(abi.encodePacked(r, s, uint8(2))), address(0), "v = 2");
        vm.assertEq(recovered(abi.encodePacked(r, s, uint8(26))), address(0), "v = 26");
        vm.assertEq(recovered(abi.encodePacked(r, s, uint8(29))), address(0), "v = 29");
        vm.assertEq(
            recovered(abi.encodePacked(r, bytes32(GROUP_ORDER - uint256(s)), uint8(55 - v))),
            address(0),
            "high s"
        );
        vm.assertEq(recovered(new bytes(65)), address(0), "zero");
        vm.assertEq(recovered(abi.encodePacked(bytes32(0), s, v)), address(0), "zero r");
        // the bound itself is accepted as a range, half the order plus one is not
        bytes32 half = bytes32(GROUP_ORDER / 2);
        vm.assertTrue(recovered(abi.encodePacked(r, half, v)) != address(0), "s at its bound");
        vm.assertEq(recovered(abi.encodePacked(r, uint256(half) + 1, v)), address(0), "s one past it");
    }

    function test_pointsThatAreNoneAreRefused() public {
        bytes memory good = production().app;
        vm.assertEq(good.length, 33, "a good one");
        for (uint256 prefix; prefix < 256; ++prefix) {
            if (prefix == 2 || prefix == 3) continue;
            good[0] = bytes1(uint8(prefix));
            expectPoint(PointNotOnCurve.selector, good);
        }
        // x = 5 has no point; x = FIELD + 1 would be another writing of x = 1, which has one
        expectPoint(PointNotOnCurve.selector, abi.encodePacked(uint8(2), uint256(5)));
        vm.assertTrue(harness.toAddress(abi.encodePacked(uint8(2), uint256(1))) != address(0), "x = 1");
        expectPoint(PointNotOnCurve.selector, abi.encodePacked(uint8(2), PointLib.FIELD + 1));
        expectPoint(PointNotOnCurve.selector, abi.encodePacked(uint8(2), PointLib.FIELD));
        expectPoint(InvalidPubKeyLength.selector, new bytes(32));
        expectPoint(InvalidPubKeyLength.selector, new bytes(34));
        expectPoint(InvalidPubKeyLength.selector, "");
    }

    function testFuzz_aPointsAddressIsItsKeys(uint256 key) public {
        key = clamp(key, 1, GROUP_ORDER - 1);
        vm.assertEq(harness.toAddress(compressed(key)), vm.addr(key), "address");
    }

    function testFuzz_anyPurposeIsBoundByTheChain(string memory purpose, uint160 app) public {
        address appId = address(app);
        bytes memory derived = compressed(derivedKey(appId));
        bytes memory appPub = compressed(appKey(appId));
        bytes memory link0 =
            sign01(appKey(appId), keccak256(abi.encodePacked(purpose, ":", hexText(derived))));
        bytes memory link1 =
            sign01(KMS_ROOT_KEY, keccak256(abi.encodePacked("dstack-kms-issued:", bytes20(appId), appPub)));
        vm.assertEq(harness.recoverRoot(appId, purpose, derived, appPub, link0, link1), KMS_ROOT, "root");
    }

    // Helpers

    function run(Captured memory c) internal view returns (address) {
        return harness.recoverRoot(c.appId, c.purpose, c.derived, c.app, c.link0, c.link1);
    }

    function flipAll(Captured memory good, address root) internal view {
        bytes[5] memory parts = [bytes(good.purpose), good.derived, good.app, good.link0, good.link1];
        for (uint256 part; part < 5; ++part) {
            for (uint256 i; i < parts[part].length; ++i) {
                for (uint256 mask = 1; mask < 256; mask = mask == 1 ? 128 : mask == 128 ? 255 : 256) {
                    // the parts are memory references into `good`, so this flips the byte in place
                    parts[part][i] ^= bytes1(uint8(mask));
                    refused(good, root, "a flipped byte");
                    parts[part][i] ^= bytes1(uint8(mask));
                }
            }
        }
        for (uint256 bit; bit < 160; ++bit) {
            Captured memory other = good;
            other.appId = address(uint160(good.appId) ^ uint160(1 << bit));
            refused(other, root, "another app id");
            other.appId = address(uint160(other.appId) ^ uint160(1 << bit));
        }
        vm.assertEq(run(good), root, "intact again");
    }

    /// @dev Either a revert or another root, which no list holds.
    function refused(Captured memory c, address root, string memory what) internal view {
        try harness.recoverRoot(c.appId, c.purpose, c.derived, c.app, c.link0, c.link1) returns (
            address other
        ) {
            vm.assertTrue(other != root && other != address(0), what);
        } catch (bytes memory reason) {
            vm.assertEq(reason.length, 4, what);
        }
    }

    function twin(bytes memory signature) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        return abi.encodePacked(r, GROUP_ORDER - uint256(s), uint8(signature[64]) ^ 1);
    }

    function recovered(bytes memory signature) internal view returns (address) {
        return harness.recover(keccak256("digest"), signature);
    }

    function expectPoint(bytes4 refusal, bytes memory point) internal {
        expectRevert(refusal, address(harness), abi.encodeCall(harness.toAddress, (point)));
    }
}
