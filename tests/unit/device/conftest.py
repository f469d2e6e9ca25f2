"""Runs device code in MicroPython, a process per test; pure modules in CPython as well."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulator import micropython

ROOT = Path(__file__).parents[3]
FAKES = Path(__file__).parent / "fakes"
UMQTT = (
    "lib/umqtt",
    "simulator/modules/umqtt",
)  # upstream's where `make libs` got it, else the stand-in
MICROPYTHON = str(micropython())
PATH_SETUP = "import sys\nsys.path[:0] = [{fakes!r}, {root!r}, {libraries!r}]\n"
START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)


def run_script(interpreter, script, *values, libraries="", timeout=30, options=()):
    """Lines that a script printed; `values` are in its `given`."""
    start = PATH_SETUP.format(fakes=str(FAKES), root=str(ROOT), libraries=str(libraries))
    start += f"import json\ngiven = json.loads({json.dumps(json.dumps(values))})\n"
    process = subprocess.Popen(
        [interpreter, *options, "-c", start + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # the interpreter may be started through another process
    )
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        pytest.fail(f"the script did not end in {timeout} s:\n{out}")
    assert process.returncode == 0, out
    return out.splitlines()


@pytest.fixture(params=["micropython", "python"])
def on_both(request):
    """Run a script in MicroPython and in CPython."""
    interpreter = MICROPYTHON if request.param == "micropython" else sys.executable
    return lambda script, *values: run_script(interpreter, script, *values)


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """A folder with umqtt alone: what lies beside it would replace more than is wanted."""
    folder = tmp_path_factory.mktemp("libraries")
    (folder / "umqtt").symlink_to(next(ROOT / place for place in UMQTT if (ROOT / place).exists()))
    return folder


@pytest.fixture
def on_board(libraries):
    """Run a script in MicroPython."""
    return lambda script, *values, **more: run_script(
        MICROPYTHON, script, *values, libraries=libraries, **more
    )


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name="test fleet"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            self._builder(self._name, self._key.public_key(), START, 36500)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def der_hex(self):
        return self._certificate.public_bytes(serialization.Encoding.DER).hex()

    def leaf(self, name="mpfleet", start=START, days=36500):
        """Path of a PEM file with a certificate for `name` and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            self._builder(subject, key.public_key(), start, days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"leaf-{certificate.serial_number}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    def _builder(self, subject, public_key, start, days):
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=days))
        )


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The fleet's CA."""
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def leaf(authority):
    """The fleet's good certificate."""
    return authority.leaf()
