"""Verifies signed entries with tools that are not ours: pycose (COSE_Sign1, Ed25519), cbor2 (CBOR), blake3 (ids).

    verify.py FOLDER        every *.json in FOLDER: {"cose", "key", "aad", "registry", "id"}, each in hex
    verify.py --self-test   entries made here, sound and spoilt: each fault must be found

The rules are those of protocol/SPEC.md, written down a second time. What must be refused is tried too: every byte of
header and signature with one bit flipped, another aad, another key. Ends with `interop: N passed, N failed`; exit 0
only if something was checked and nothing failed.
"""

import json
import sys
from pathlib import Path

import cbor2
from blake3 import blake3
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import CoseMessage, Sign1Message

DOMAIN = b"habeas/1/entry"
ID_CONTEXT = "habeas 1 entry id"
PROTECTED = bytes.fromhex("a10127")  # {1: -8}, EdDSA
LENGTHS = {"circle": 16, "feed_key": 32, "incarnation": 8, "prev": 32, "charter": 32, "body_root": 32}
FIELDS = ["suite", "circle", "feed_key", "incarnation", "seq", "prev", "charter", "kind", "body_root", "body_len"]


def verifies(cose: bytes, key: bytes, aad: bytes) -> bool:
    """Whether pycose takes the signature of a tagged COSE_Sign1; raises if it cannot read the message."""
    message = CoseMessage.decode(cose)
    message.external_aad = aad
    message.key = OKPKey(crv=Ed25519, x=key)
    return message.verify_signature()


def flipped(data: bytes):
    """Each byte of data with one bit flipped, a different bit from byte to byte."""
    for at, byte in enumerate(data):
        yield data[:at] + bytes([byte ^ 1 << at % 8]) + data[at + 1 :]


def tagged(parts: list) -> bytes:
    return cbor2.dumps(cbor2.CBORTag(18, parts), canonical=True)


def checks(entry: dict, verifies):
    """Yields (what is asked, whether it holds) for one entry; verifies(cose, key, aad) judges signatures."""
    cose, key, aad, registry, entry_id = (bytes.fromhex(entry[k]) for k in ("cose", "key", "aad", "registry", "id"))

    outer = cbor2.loads(cose)
    yield "is COSE_Sign1 with tag 18", isinstance(outer, cbor2.CBORTag) and outer.tag == 18 and len(outer.value) == 4
    protected, unprotected, payload, signature = outer.value
    yield "protects the algorithm EdDSA and nothing else", protected == PROTECTED and unprotected == {}
    yield "is deterministic CBOR", tagged(outer.value) == cose
    yield "is bound to domain and registry", aad == DOMAIN + registry

    header = cbor2.loads(payload)
    yield "has a header of ten fields", isinstance(header, list) and len(header) == len(FIELDS)
    yield "has a header in deterministic CBOR", cbor2.dumps(header, canonical=True) == payload
    fields = dict(zip(FIELDS, header))
    yield "is of suite 1", fields["suite"] == 1
    for name, length in LENGTHS.items():
        yield f"has {length} bytes of {name}", isinstance(fields[name], bytes) and len(fields[name]) == length
    yield "has numbers where numbers belong", all(type(fields[name]) is int for name in ("seq", "kind", "body_len"))
    yield "counts from 1", fields["seq"] >= 1
    yield "names the key that signed", fields["feed_key"] == key

    derived = blake3(registry + payload, derive_key_context=ID_CONTEXT).digest()
    yield "has the id that BLAKE3 derives", derived == entry_id

    yield "verifies", verifies(cose, key, aad) is True
    elsewhere = bytes([registry[0] ^ 1]) + registry[1:]
    yield "is refused without aad", verifies(cose, key, b"") is False
    yield "is refused in another registry", verifies(cose, key, DOMAIN + elsewhere) is False
    yield "is refused in another domain", verifies(cose, key, b"habeas/1/card" + registry) is False
    yield "is refused under another key", verifies(cose, signing_key(b"\x77" * 32).x, aad) is False
    spoilt = [tagged([protected, unprotected, other, signature]) for other in flipped(payload)]
    spoilt += [tagged([protected, unprotected, payload, other]) for other in flipped(signature)]
    yield f"is refused with any of {len(spoilt)} bits flipped", not any(verifies(bad, key, aad) for bad in spoilt)


def failures(entry: dict, verifies=verifies) -> tuple[int, list[str]]:
    """How many questions were asked about an entry, and those answered with no."""
    asked, failed = 0, []
    try:
        for question, holds in checks(entry, verifies):
            asked += 1
            if not holds:
                failed.append(question)
    except Exception as error:  # an entry that cannot even be read has failed
        asked += 1
        failed.append(f"can be read: {type(error).__name__}: {error}")
    return asked, failed


def verify_folder(folder: Path) -> tuple[int, int]:
    files = sorted(folder.glob("*.json"))
    if not files:
        print(f"{folder}: no *.json to verify")
        return 0, 1
    passed = failed = 0
    for file in files:
        asked, faults = failures(json.loads(file.read_text()))
        passed, failed = passed + asked - len(faults), failed + len(faults)
        for fault in faults:
            print(f"FAILED {file.name}: {fault}")
    print(f"{len(files)} entries read")
    return passed, failed


def signing_key(seed: bytes) -> OKPKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return OKPKey(crv=Ed25519, x=public, d=seed)


def example(header_of=None, aad_of=None, protected=None, tag=True, **replaced) -> dict:
    """An entry signed by pycose; the arguments spoil it."""
    key, registry = signing_key(b"\x03" * 32), b"\x08" * 32
    header = [1, b"\x01" * 16, key.x, b"\x02" * 8, 300, b"\x04" * 32, b"\x05" * 32, 0, b"\x06" * 32, 700]
    payload = header_of(header) if header_of else cbor2.dumps(header, canonical=True)
    aad = aad_of(registry) if aad_of else DOMAIN + registry
    message = Sign1Message(phdr=protected or {1: -8}, payload=payload, external_aad=aad, key=key)
    entry = {
        "cose": message.encode(tag=tag),
        "key": key.x,
        "aad": aad,
        "registry": registry,
        "id": blake3(registry + payload, derive_key_context=ID_CONTEXT).digest(),
    }
    return {name: value.hex() for name, value in (entry | replaced).items()}


def self_test() -> tuple[int, int]:
    def with_field(at, value):
        return lambda header: cbor2.dumps(header[:at] + [value] + header[at + 1 :], canonical=True)

    sound = example()
    cose = bytes.fromhex(sound["cose"])
    spoilt = {
        "is COSE_Sign1 with tag 18": example(tag=False),
        "protects the algorithm EdDSA and nothing else": example(protected={1: -8, 4: b"kid"}),
        "is deterministic CBOR": example(cose=cose.replace(b"\x58\x40", b"\x59\x00\x40")),
        "is bound to domain and registry": example(aad_of=lambda registry: b"habeas/1/card" + registry),
        "has a header of ten fields": example(lambda header: cbor2.dumps([*header, 0])),
        "has a header in deterministic CBOR": example(lambda header: cbor2.dumps(header).replace(b"\x19\x01", b"\x1a\x00\x00\x01")),
        "is of suite 1": example(with_field(0, 2)),
        "has 16 bytes of circle": example(with_field(1, b"\x01" * 15)),
        "has 8 bytes of incarnation": example(with_field(3, b"\x01" * 9)),
        "has 32 bytes of body_root": example(with_field(8, None)),
        "has numbers where numbers belong": example(with_field(7, "0")),
        "counts from 1": example(with_field(4, 0)),
        "names the key that signed": example(with_field(2, b"\x09" * 32)),
        "has the id that BLAKE3 derives": example(id=blake3(b"\x08" * 32).digest()),
        "verifies": example(cose=cose[:-1] + bytes([cose[-1] ^ 1])),
        "can be read": example(cose=cose[:-1]),
    }
    passed = failed = 0
    for fault in failures(sound)[1]:
        failed += 1
        print(f"FAILED sound entry: {fault}")
    passed += 1 - bool(failed)
    for question, entry in spoilt.items():
        found = any(fault.startswith(question) for fault in failures(entry)[1])
        passed, failed = passed + found, failed + (not found)
        if not found:
            print(f"FAILED not found: {question}")
    credulous = failures(sound, verifies=lambda *_: True)[1]
    for refusal in ("without aad", "in another registry", "in another domain", "under another key", "with any of"):
        found = any(fault.startswith(f"is refused {refusal}") for fault in credulous)
        passed, failed = passed + found, failed + (not found)
        if not found:
            print(f"FAILED not found: a verifier that does not refuse {refusal}")
    return passed, failed


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__)
        return 2
    passed, failed = self_test() if arguments == ["--self-test"] else verify_folder(Path(arguments[0]))
    print(f"interop: {passed} passed, {failed} failed")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
