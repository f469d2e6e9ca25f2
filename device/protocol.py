"""What board and host must call by the same name: paths, topics, headers, limits of docs/SPEC.md.

The only device file the host imports.
"""

API = "/api/device/v1"
PIECES = "application/vnd.mpfleet.pieces"  # SPEC section 6: a blob deflated piece by piece
PIECES_MAGIC = b"MPZ1"
PIECE_BYTES = 8192  # raw bytes in a piece, which a board holds whole while it inflates it
PIECE_WBITS = 12  # a 4 KiB window: inflating costs 6 kB of heap instead of 34
PATCH = "application/vnd.mpfleet.patch"  # SPEC section 12; its parameter `from` names the source
PATCH_MAGIC = b"MPD1"
PATCH_BLOCK_BYTES = 4096  # of the target, made at a time: one flash erase block
PATCH_CONTROL_MAX = 1024  # bytes that say what a block is made of
PATCH_SLACK = 256  # a piece with nothing of the source travels a little longer than it is
PROGRESS_HEADER = "X-Progress"

MANIFEST_FORMAT = 1
MANIFEST_BYTES_MAX = 32768
MANIFEST_DEPTH_MAX = 6
PATH_CHARS_MAX = 96
PART_FOLDERS = ("app/", "device/", "lib/")  # what a file of the app part may lie in
REPORTS_MAX = 8
REPORT_BYTES_MAX = 32768
MESSAGE_BYTES_MAX = 1024  # of an MQTT message to a board
DATA_BYTES_MAX = 4096  # of an MQTT message an app publishes

EPOCH_2000 = 946684800  # seconds from 1970-01-01 to the board's own epoch, 2000-01-01


def topic(device_id, name):
    """MQTT topic of a device (SPEC 9): `name` is notify, status, progress, data/<topic>."""
    return "mpfleet/" + device_id + "/" + name


def credentials(device_id, secret_hex):
    """Value of the Authorization header of a device (SPEC section 7)."""
    return "Bearer " + device_id + ":" + secret_hex
