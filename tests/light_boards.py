"""Boards without a MicroPython: they speak the device API over TLS, as many as are wanted.

What they do not do: verify signatures, speak MQTT, keep anything over the end of the test.
"""

import contextlib
import hashlib
import http.client
import json
import secrets
import threading

from tests.system.test_serve import Connection

_POLL_S = 0.5
_TRACEBACK = """Traceback (most recent call last):
  File "/slots/%s/app/main.py", line 3, in main
ValueError: %s
"""
_AWAY = (OSError, http.client.HTTPException)


class LightBoard(threading.Thread):
    """One board. It runs `number`, takes what it is assigned, and fails at it if it `is_bad`.

    `slots` is the history of what it ran. A report is told until the host has it; by some twice.
    """

    def __init__(self, device_id, port, tls, product, is_bad=False, tells_twice=False):
        super().__init__(name=device_id, daemon=True)
        self.device_id, self.number, self.is_bad = device_id, 1, is_bad
        self.ran, self.told = [1], []
        self._secret = secrets.token_hex(32)
        self._port, self._tls, self._product, self._twice = port, tls, product, tells_twice
        self._reports, self._closed, self._connection = [], 0, None
        self._is_off = threading.Event()

    def register(self, token):
        """Say who it is; it is its person's at once."""
        fields = {"id": self.device_id, "secret": self._secret, "product": self._product,
                  "model": "ESP32_GENERIC", "abi": 6, "number": 1, "token": token}  # fmt: skip
        answer = json.loads(self._ask("POST", "/register", fields))
        assert answer["state"] == "claimed", answer

    def stop(self):
        """It is switched off."""
        self._is_off.set()
        self.join()
        if self._connection:
            self._connection.close()

    def run(self):
        """Talk after talk; a host that is away is asked again."""
        while not self._is_off.wait(_POLL_S):
            try:
                self._talk()
            except _AWAY:
                self._hang_up()

    def _talk(self):
        while self._reports:
            for _ in range(1 + self._twice):
                self._ask("POST", "/reports", self._reports[:1])
            self.told.append(self._reports.pop(0))
        release = json.loads(self._ask("GET", "/assignment"))["release"]
        if release and release["assignment"] > self._closed:
            self._update(release)

    def _update(self, release):
        manifest = self._ask("GET", f"/manifests/{release['manifest']}")
        assert hashlib.sha256(manifest).hexdigest() == release["manifest"]
        files = json.loads(manifest)["parts"]["app"]["files"]
        for path, size, sha256 in files:
            if path.startswith("app/"):  # the rest it has, as a board of the release before does
                self._fetch(sha256, size)
        self._closed = release["assignment"]
        self._end(release)

    def _fetch(self, sha256, size):
        content = self._ask("GET", f"/blobs/{sha256}", progress=f"stage;0;{size}")
        assert hashlib.sha256(content).hexdigest() == sha256

    def _end(self, release):
        said = {"key": secrets.token_hex(8), "kind": "update", "number": release["number"],
                "assignment": release["assignment"], "log": ["the end"]}  # fmt: skip
        if self.is_bad:
            slot = "ab"[int(self.device_id, 16) % 2]
            said |= {"outcome": "failed", "step": "trial", "reason": "app-raised",
                     "traceback": _TRACEBACK % (slot, self.device_id)}  # fmt: skip
            self.ran += [release["number"], self.number]  # on trial, and back
        else:
            said |= {"outcome": "done", "step": "commit"}
            self.number = release["number"]
            self.ran.append(self.number)
        self._reports.append({**said, "running": self.number})

    def _ask(self, method, path, value=None, progress=None):
        if self._connection is None:
            self._connection = Connection("mpfleet", self._port, context=self._tls, timeout=10)
        headers = {"Authorization": f"Bearer {self.device_id}:{self._secret}"}
        if progress:
            headers["X-Progress"] = progress
        body = None if value is None else json.dumps(value)
        self._connection.request(method, f"/api/device/v1{path}", body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"{answer.status} {content[:200]}")
        return content

    def _hang_up(self):
        with contextlib.suppress(*_AWAY):
            self._connection.close()
        self._connection = None
