"""Whether a release fits the boards it names: images, bytecode, room on the flash. Pure."""

from host.builder import sizes
from host.verification import bytecode, downgrade, image
from host.verification.finding import FAIL, PASS, WARN, Finding

IMAGES, FITS, CODE = "images", "fits", "bytecode"
_PARTITION_BYTES = 0x180000  # of ota_0 and ota_1 on a board of 4 MB (DESIGN section 3)
_BLOCKS = 240
_GOLDEN_BLOCKS, _STATE_BLOCKS = 40, 14  # measured (DESIGN section 10); settings, metadata, reports
_HEADROOM_BLOCKS = 8  # littlefs turns in circles on the last ones
_KNOWN = "ESP32"


def images(case):
    """Each image: header, chip, checksum, hash, ELF hash, and whether its partition holds it."""
    release = case.candidate
    if not release.images:
        return [Finding(IMAGES, PASS, "Firmware images", "It brings none: boards keep theirs.")]
    return [_image(release, model, one) for model, one in sorted(release.images.items())]


def _image(release, model, one):
    title = f"Firmware for {model}"
    content = release.read(one["sha256"])
    try:
        found = image.read(content, model)
    except image.ImageError as error:
        return Finding(IMAGES, FAIL, title, f"No board starts it: {error}.", error.code)
    if found.elf != one["elf"]:
        sentence = f"Its ELF hash is {found.elf}, the manifest says {one['elf']}."
        return Finding(IMAGES, FAIL, title, sentence)
    if len(content) > _PARTITION_BYTES:
        sentence = f"It has {len(content)} bytes, a partition {_PARTITION_BYTES}."
        return Finding(IMAGES, FAIL, title, sentence)
    kind = image.CHIPS.get(found.chip, f"chip {found.chip}")
    version = downgrade.version(content, found)
    name = f"MicroPython {version}" if version else found.project or "A firmware"
    sentence = f"{name} for {kind}, {len(content)} bytes, whole."
    return Finding(IMAGES, PASS, title, sentence)


def boards(case):
    """Room beside golden and what runs now; board models that nobody here knows."""
    release = case.candidate
    made = [*_unknown(release), *_without_image(release)]
    need = _blocks(release)
    for other in case.field or [release]:
        total = need + _blocks(other) + _GOLDEN_BLOCKS + _STATE_BLOCKS
        if total > _BLOCKS - _HEADROOM_BLOCKS:
            sentence = (
                f"It takes {need} blocks of 4 kB, release {other.number} beside it "
                f"{_blocks(other)}, the runtime's golden copy and its state "
                f"{_GOLDEN_BLOCKS + _STATE_BLOCKS}: {total} of {_BLOCKS - _HEADROOM_BLOCKS}. "
                "Boards would refuse it: no-space. Put files together, or leave some out."
            )
            return [*made, Finding(FITS, FAIL, "Too large for a board", sentence)]
    if need > sizes.BLOCKS_BUDGET:
        sentence = f"It takes {need} blocks of flash; little is left to files of the application."
        made.append(Finding(FITS, WARN, "Large", sentence))
    sentence = f"It takes {need} of {_BLOCKS} blocks, and fits beside what runs."
    return made or [Finding(FITS, PASS, "Room on the flash", sentence)]


def _blocks(release):
    return sizes.cost({path: size for path, size, _ in release.files}).blocks


def _unknown(release):
    strange = [model for model in release.value["boards"] if not model.startswith(_KNOWN)]
    if strange:
        sentence = f"Nothing is known here of {', '.join(strange)}: try it on such a board."
        yield Finding(FITS, WARN, "Unknown board models", sentence)


def _without_image(release):
    lacking = [m for m in release.value["boards"] if m not in release.images]
    if release.images and lacking:
        sentence = f"{', '.join(lacking)} keep the firmware they have: it brings none for them."
        yield Finding(FITS, WARN, "Firmware for some boards only", sentence)


def code(case):
    """Each .mpy: the ABI the release says, and bytecode all through."""
    release = case.candidate
    bad = []
    for path, _, name in release.files:
        if path.endswith(".mpy"):
            try:
                bytecode.read(release.read(name), release.value["abi"])
            except bytecode.BadCode as error:
                bad.append((path, error))
    if bad:
        path, error = bad[0]
        more = f" (and {len(bad) - 1} more files)" if len(bad) > 1 else ""
        sentence = f"{path}{more}: {error}. A board refuses it, or crashes: compile it anew."
        log = "\n".join(f"{path}: {error.code}: {error}" for path, error in bad)
        return [Finding(CODE, FAIL, "Not plain bytecode", sentence, log)]
    count = sum(path.endswith(".mpy") for path, _, _ in release.files)
    sentence = f"{count} files of plain bytecode, version {release.value['abi']}."
    return [Finding(CODE, PASS, "Plain bytecode", sentence)]
