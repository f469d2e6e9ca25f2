"""What stands in for an application's own hardware: from its folder to the boards that try it."""

import hashlib
import json

import pytest

from host.builder import release as builder
from host.builder.errors import BuildError
from host.errors import HostError
from host.services import manifest
from host.verification import candidate
from host.verification.candidate import Case
from host.verification.finding import FAIL
from host.verification.inside import stages
from host.verification.inside.boards import Bench
from tests.boards import board_maker, execute  # noqa: F401 - pytest finds the fixture here
from tests.unit.host.verification.releases import IDLE, made

SENSOR = """
class Sensor:
    def __init__(self):
        self.register = 0
    def read(self, register, size):
        return bytes([register + n for n in range(size)])
    def write(self, register, data):
        self.register = register
    def receive(self, size):
        return bytes([7] * size)
    def send(self, data):
        self.register = data[0]

DEVICES = {0x76: Sensor()}
"""
ASKS = """
from machine import I2C
if I2C(0).readfrom_mem(0x76, 0xD0, 1) != b"\\xd0":
    raise ValueError("another sensor")
""" + IDLE


@pytest.fixture
def folder(tmp_path):
    """An app folder with a sim/ of its own."""
    (tmp_path / "app").mkdir()
    (tmp_path / "sim").mkdir()
    (tmp_path / "app/main.py").write_text(ASKS)
    (tmp_path / "sim/sim_i2c.py").write_text(SENSOR)
    (tmp_path / "mpfleet.json").write_text('{"product": "blink", "boards": ["ESP32_GENERIC"]}')
    return tmp_path


def test_it_travels_with_the_release_and_to_no_board(folder):
    built = builder.build(folder, 1, 1795000000)
    name = hashlib.sha256(SENSOR.encode()).hexdigest()
    assert built.value["sim"] == [["sim/sim_i2c.py", len(SENSOR), name]]
    assert name in built.digests
    assert not [path for path, _, _ in built.files if path.startswith("sim")]
    assert manifest.parse(built.manifest).simulation[0][0] == "sim/sim_i2c.py"


def test_a_module_of_an_odd_name_is_refused(folder):
    (folder / "sim/My Sensor.py").write_text("")
    with pytest.raises(BuildError, match="small letters"):
        builder.build(folder, 1, 1795000000)


NAME = "0" * 64
ODD = (
    ([["sim/../x.py", 1, NAME]], "bad-path"),
    ([["app/x.py", 1, NAME]], "bad-path"),
    ([["sim/x.py", -1, NAME]], "manifest-invalid"),
    ([["sim/x.py", 1, "x"]], "manifest-invalid"),
    ([["sim/x.py", 1, NAME]] * 2, "duplicate-path"),
    ([[f"sim/x{n}.py", 1, NAME] for n in range(33)], "manifest-invalid"),
    ("sim", "manifest-invalid"),
)


@pytest.mark.parametrize(("sim", "code"), ODD)
def test_an_odd_list_is_refused_by_the_host(sim, code):
    value = {**made(1).value, "sim": sim}
    with pytest.raises(HostError) as refused:
        manifest.parse(json.dumps(value).encode())
    assert refused.value.code == code


@pytest.mark.parametrize("has_sim", (True, False), ids=("with", "without"))
def test_an_application_with_a_sensor_passes_with_it_only(folder, tmp_path, has_sim):
    built = builder.build(folder, 5, 1795000000)
    release = candidate.Release(built.manifest, built.blobs.__getitem__)
    (tmp_path / "bench").mkdir()
    sim = folder / "sim" if has_sim else None
    bench = Bench(tmp_path / "bench", "blink", "ESP32_GENERIC", sim)
    found = list(stages.imports(bench, Case(release), lambda detail: None))
    assert any(one.level == FAIL for one in found) != has_sim


BUSES = {
    "I2C().scan()": [0x76],
    "I2C().readfrom_mem(0x76, 2, 3)": b"\2\3\4",
    "I2C().readfrom(0x76, 2)": b"\7\7",
    "I2C().writeto(0x76, b'\\5')": 1,
    "I2C().writevto(0x76, [b'a', b'b'])": 2,
    "SPI(1).read(2, 4)": b"\5\5",
    "ADC(34).read()": 34,
}


def test_buses_answer_as_sim_says(board_maker, folder):  # noqa: F811
    spi = "def transfer(data):\n    return bytes([one + 1 for one in data])\n"
    (folder / "sim/sim_spi.py").write_text(spi)
    (folder / "sim/sim_adc.py").write_text("def read(pin):\n    return pin\n")
    board = board_maker(sim=folder / "sim")
    board.power_on()
    board.wait_for(">>> ")
    code = "from machine import ADC, I2C, SPI\n" + "".join(f"print({one})\n" for one in BUSES)
    assert execute(board, code).split("\n")[:-1] == [str(value) for value in BUSES.values()]


def test_a_bus_with_nothing_on_it_says_so(board_maker):  # noqa: F811
    board = board_maker()
    board.power_on()
    board.wait_for(">>> ")
    code = "from machine import I2C, SPI\nprint(I2C().scan(), SPI(1).read(2))\n"
    code += "try:\n    I2C().readfrom(1, 1)\nexcept OSError as e:\n    print(e.errno)"
    assert execute(board, code).split() == ["[]", "b'\\xff\\xff'", "19"]
