"""A whole image with one app partition made into one with two, by mp-image-tool-esp32."""

import subprocess
import sys
import tempfile
from pathlib import Path

from host.deploy import binary
from host.deploy.binary import Binary
from host.deploy.errors import DeployError
from host.deploy.layout import MB

# As MicroPython's own OTA variant lays 4 MB out; for larger ones the tool has its own sizes.
_TABLE_4MB = (
    "nvs=nvs:0x4000,otadata=ota:0x2000,phy_init=phy:0x1000,"
    "ota_0=ota_0:0x180000,ota_1=ota_1:0x180000,vfs=fat:0"
)
_LIMIT_S = 60


def with_ota(whole: Binary) -> Binary:
    """The same firmware for two slots.

    Raises:
        DeployError: `no-ota-layout`.
    """
    if not binary.fits_ota(whole):
        detail = f"its app of {len(whole.app)} bytes does not fit beside a second one"
        raise DeployError("no-ota-layout", detail, "give the OTA variant of this firmware")
    table = _TABLE_4MB if whole.flash_bytes <= 4 * MB else "ota"
    with tempfile.TemporaryDirectory(prefix="mpfleet-") as folder:
        source, made = Path(folder) / "firmware.bin", Path(folder) / "ota.bin"
        source.write_bytes(whole.content)
        command = ("-q", "--table", table, "-o", str(made), str(source))
        ran = subprocess.run(  # noqa: S603 - the tool of this environment
            [sys.executable, "-m", "mp_image_tool_esp32.main", *command],
            capture_output=True, text=True, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
        if ran.returncode:
            said = " ".join((ran.stdout + ran.stderr).split())[-200:]
            raise DeployError(
                "no-ota-layout",
                f"mp-image-tool-esp32 cannot lay it out for two firmwares: {said}",
                "give the OTA variant of this firmware",
            )
        return binary.read(made.read_bytes())
