"""What an .mpy file really holds: walks it as a board's loader does. Pure.

A loader believes the header about the architecture, but not the code behind it: a file that says
"bytecode" may carry machine code all the same. So each piece of code is looked at.
"""

from typing import NamedTuple

ABI = 6
_MAGIC, _HEAD = ord("M"), 4
_DEPTH_MAX = 40
_ITEMS_MAX = 65_536
_KINDS = {1: "native", 2: "viper", 3: "assembler"}
_PLAIN_OBJECTS = (1, 2, 3, 4)  # None, False, True, …
_STR, _BYTES, _INT, _FLOAT, _COMPLEX, _TUPLE = range(5, 11)
# LOAD_CONST_STRING, LOAD_CONST_OBJ; STORE_NAME, STORE_GLOBAL
_LOAD_OPS, _STORE_OPS = (0x10, 0x23), (0x16, 0x17)


class BadCode(Exception):  # noqa: N818 - a verdict, not a bug
    """A file that is not what a board may load: a word, and what is wrong with it."""

    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self):
        return self.detail


class Content(NamedTuple):
    """Texts in a file: names and short strings, longer strings, and constants by their name."""

    names: tuple
    strings: tuple
    assigned: tuple  # (name, string) of simple assignments


def read(content, abi=ABI):
    """The texts of a file of plain bytecode.

    Raises: BadCode `bad-code`, `wrong-abi`, `native-code`.
    """
    if len(content) < _HEAD or content[0] != _MAGIC:
        raise BadCode("bad-code", "it is no .mpy file")
    if content[1] != abi:
        raise BadCode("wrong-abi", f"its .mpy version is {content[1]}, the release says {abi}")
    if content[2] >> 2:
        raise BadCode("native-code", "its header says that it holds machine code")
    walk = _Walk(content)
    try:
        return walk.file()
    except IndexError:
        raise BadCode("bad-code", "it is cut short") from None


class _Walk:
    """A place in a file, and what was met so far."""

    def __init__(self, content):
        self._content, self._at = content, _HEAD
        self._qstrs, self._objects, self._codes = [], [], []

    def file(self):
        qstr_count, object_count = self._count(), self._count()
        self._qstr()  # the source's name
        self._qstrs = [self._qstr() for _ in range(qstr_count - 1)] if qstr_count else []
        self._objects = [self._object(0) for _ in range(object_count)]
        self._code(0)
        if self._at != len(self._content):
            raise BadCode("bad-code", f"{len(self._content) - self._at} bytes follow its code")
        assigned = [pair for code in self._codes for pair in self._assignments(code)]
        names = tuple(name for name in self._qstrs if name)
        return Content(names, tuple(filter(None, self._objects)), tuple(assigned))

    def _code(self, depth):
        if depth > _DEPTH_MAX:
            raise BadCode("bad-code", "its functions are nested too deep")
        head = self._number()
        if head & 3:
            detail = f"it carries {_KINDS[head & 3]} machine code, whatever its header says"
            raise BadCode("native-code", detail)
        self._codes.append(self._take(head >> 3))
        if head & 4:
            for _ in range(self._count()):
                self._code(depth + 1)

    def _object(self, depth):
        """A constant's text, "" for others."""
        kind, text = self._take(1)[0], b""
        if kind in (_STR, _BYTES):
            text = self._take(self._number())
            self._take(1)
        elif kind in (_INT, _FLOAT, _COMPLEX):
            self._take(self._number())
        elif kind == _TUPLE and depth < _DEPTH_MAX:
            text = b"\n".join([self._object(depth + 1) for _ in range(self._count())])
        elif kind == 0:
            raise BadCode("native-code", "it has a table of functions, as machine code needs")
        elif kind not in _PLAIN_OBJECTS:
            raise BadCode("bad-code", f"it has a constant of an unknown kind, {kind}")
        return text.decode("utf-8", "replace") if depth == 0 else text

    def _qstr(self):
        head = self._number()
        if head & 1:
            return ""  # one that every firmware has
        text = self._take(head >> 1)
        self._take(1)
        return text.decode("utf-8", "replace")

    def _count(self):
        number = self._number()
        if number > _ITEMS_MAX:
            raise BadCode("bad-code", f"it counts {number} items")
        return number

    def _number(self):
        value = 0
        for _ in range(5):
            byte = self._take(1)[0]
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                return value
        raise BadCode("bad-code", "a number in it is too long")

    def _take(self, size):
        end = self._at + size
        if end > len(self._content):
            raise IndexError
        found = self._content[self._at : end]
        self._at = end
        return found

    def _assignments(self, code):
        """`NAME = "text"`: the opcodes lie side by side. A guess: data may look alike."""
        for at, op in enumerate(code):
            if op not in _LOAD_OPS:
                continue
            index, after = _varint(code, at + 1)
            is_name = op == _LOAD_OPS[0]  # names are counted from the file's own, which is 0
            text = _at(self._qstrs, index - 1) if is_name else _at(self._objects, index)
            if text and after < len(code) and code[after] in _STORE_OPS:
                name = _at(self._qstrs, _varint(code, after + 1)[0] - 1)
                if name:
                    yield name, text


def _at(texts, index):
    return texts[index] if 0 <= index < len(texts) else ""


def _varint(code, at):
    value = 0
    while at < len(code):
        value = value << 7 | code[at] & 0x7F
        at += 1
        if not code[at - 1] & 0x80:
            return value, at
    return -1, at
