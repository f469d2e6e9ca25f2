"""What a release should not carry: secrets, talk in the clear, switched-off certificate checks.

Pure. It reads the texts of files, compiled ones too. What hides itself is not found: this is for
mistakes, the sandbox is for malice.
"""

import re

from cryptography.hazmat.primitives.serialization import load_der_private_key

from host.verification import bytecode
from host.verification.finding import FAIL, PASS, WARN, Finding

NAME, TITLE = "security", "Secrets and open doors"
_SHOWN = 8  # of what was found, in a sentence

# Whatever file it is in: nobody ships these on purpose.
_SECRETS = (
    ("a private key", re.compile(rb"-----BEGIN [A-Z ]{0,24}PRIVATE KEY-----")),
    ("a token of mpfleet", re.compile(rb"mpf_[A-Za-z0-9_-]{20,64}")),
    ("a cloud access key", re.compile(rb"\bAKIA[0-9A-Z]{16}\b")),
    (
        "a token of a code host",
        re.compile(rb"\b(?:gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9_-]{20}"),
    ),
    ("an API key", re.compile(rb"\b(?:AIza[0-9A-Za-z_-]{35}|xox[abp]-[0-9A-Za-z-]{10})")),
)
_TELLING = re.compile(r"(?i)(?:^|_)(?:pass(?:word|wd|phrase)?|secret|api_?key|psk|token)$")
_IN_TEXT = re.compile(
    rb"""(?i)["']?\b(\w{0,32}(?:password|passwd|passphrase|secret|api_?key))["']?\s{0,4}[:=]"""
    rb"""\s{0,4}["']([^"'\r\n]{4,64})["']"""
)
_URL = re.compile(rb"\b([a-z][a-z0-9+]{1,9})://([A-Za-z0-9._-]{1,253})(:\d{1,5})?")
_IN_THE_CLEAR = (b"http", b"mqtt", b"ws", b"ftp", b"tcp", b"telnet")
_UNCHECKED = (b"CERT_NONE", b"CERT_OPTIONAL")
# What only a computer's MicroPython has: whoever names them means the machine that tries it.
_ESCAPES = ("VfsPosix", "ffi", "ffimod", "popen")
_OWN = "device/"  # the runtime's own, which has names for all of it


def check(case):
    """Findings about the texts in a candidate's files."""
    texts = {path: _text(path, content) for path, content in _files(case.candidate)}
    made = [*_secrets(texts), *_guesses(texts), *_clear(texts), *_unchecked(texts)]
    made += [*_escapes(texts), *_addresses(texts)]
    return made or [Finding(NAME, PASS, TITLE, "No secrets, no talk in the clear.")]


def _files(release):
    for path, _, sha256 in release.files:
        yield path, release.read(sha256)


def _text(path, content):
    """(bytes to search, simple assignments): a compiled file's texts, each on its own line."""
    if not path.endswith(".mpy"):
        return content, [
            (name.decode("utf-8", "replace"), value) for name, value in _IN_TEXT.findall(content)
        ]
    try:
        found = bytecode.read(content, content[1] if len(content) > 1 else 0)
    except bytecode.BadCode:  # another check says so
        return content, []
    lines = "\n".join((*found.names, *found.strings)).encode("utf-8", "replace")
    assigned = [(name, value.encode()) for name, value in found.assigned if _TELLING.search(name)]
    return lines, assigned


def _secrets(texts):
    for path, (text, _) in texts.items():
        for what, pattern in _SECRETS:
            if pattern.search(text):
                yield _secret(path, what)
        if _is_der_key(text):
            yield _secret(path, "a private key")


def _secret(path, what):
    sentence = (
        f"{path} holds {what}. Every board carries it, and who has a board can read it: "
        "give it to boards by their settings instead, and make a new one, for this one is known."
    )
    return Finding(NAME, FAIL, "A secret is in the release", sentence)


def _is_der_key(content):
    if content[:1] != b"\x30" or len(content) > 8192:
        return False
    try:
        load_der_private_key(content, None)
    except (ValueError, TypeError):  # none, or one with a passphrase
        return False
    return True


def _guesses(texts):
    found = sorted(
        {f"{name} in {path}" for path, (_, pairs) in texts.items() for name, text in pairs if text}
    )
    if found:
        sentence = f"This looks like a secret in the code: {_few(found)}. Board settings keep it."
        yield Finding(NAME, WARN, "A password in the code?", sentence)


def _clear(texts):
    found = {
        f"{scheme.decode()}://{host.decode()} ({path})"
        for path, (text, _) in _of_app(texts)
        for scheme, host, _ in _URL.findall(text)
        if scheme in _IN_THE_CLEAR
    }
    found |= {f"MQTT without TLS ({path})" for path, (text, _) in _of_app(texts) if _is_mqtt(text)}
    if found:
        sentence = f"Others on the way can read and change what it says to: {_few(sorted(found))}."
        yield Finding(NAME, WARN, "Talk in the clear", sentence)


def _is_mqtt(text):
    return b"MQTTClient" in text and b"ssl" not in text


def _unchecked(texts):
    found = sorted(p for p, (text, _) in _of_app(texts) if any(w in text for w in _UNCHECKED))
    if found:
        sentence = (
            f"{_few(found)} switches the check of certificates off (CERT_NONE): anybody on the "
            "way can pass for the other end. Load the CA and ask for CERT_REQUIRED."
        )
        yield Finding(NAME, FAIL, "Certificates are not checked", sentence)


def _escapes(texts):
    found = sorted(
        f"{name} ({path})"
        for path, (text, _) in texts.items()
        if path.endswith((".mpy", ".py"))
        for name in _ESCAPES
        if name.encode() in text.split(b"\n")
    )
    if found:
        sentence = (
            f"It names what no board has, but the machine that tries it: {_few(found)}. "
            "Honest code has no use for that."
        )
        yield Finding(NAME, FAIL, "It means its verifier", sentence)


def _addresses(texts):
    found = sorted(
        {host.decode() for _, (text, _) in _of_app(texts) for _, host, _ in _URL.findall(text)}
    )
    if found:
        sentence = f"It names these addresses: {_few(found)}."
        yield Finding(NAME, PASS, "Whom it talks to", sentence)


def _of_app(texts):
    return [(path, found) for path, found in texts.items() if not path.startswith(_OWN)]


def _few(found):
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
