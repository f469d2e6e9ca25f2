"""The words of docs/SPEC.md section 10 are those of the code, and no others."""

import re
from pathlib import Path

from host.errors import STATUS

ROOT = Path(__file__).parents[2]
SPEC = (ROOT / "docs" / "SPEC.md").read_text()
SECTION = SPEC[SPEC.index("## 10.") : SPEC.index("## 11.")]
ON_THE_BOARD, BY_THE_HOST = SECTION.split("Refusals of the host")

_RAISED = re.compile(r'\b(?:NetworkError|HttpError|Damaged|Refused|StorageFull)\(\s*"([a-z-]+)"')


def words(text):
    """Every word in backquotes that is one."""
    return set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", text))


def test_what_the_board_raises_is_listed():
    raised = {w for f in (ROOT / "device").rglob("*.py") for w in _RAISED.findall(f.read_text())}
    assert raised - words(ON_THE_BOARD) == set()


def test_what_is_listed_stands_in_the_code_of_the_board():
    files = [ROOT / "boot.py", *(ROOT / "device").rglob("*.py")]
    code = "\n".join(f.read_text() for f in files)
    rows = re.findall(r"^\| (.*?) \|", ON_THE_BOARD, re.MULTILINE)
    listed = set().union(*map(words, rows))
    assert {w for w in listed if f'"{w}"' not in code} == set()


def test_the_host_refuses_with_these_words_and_statuses():
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", BY_THE_HOST, re.MULTILINE)
    assert {word: int(status) for status, said in rows for word in words(said)} == STATUS
