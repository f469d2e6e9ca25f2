"""Scenarios of deploy's settings: a fresh board is set up and registers for the first time; one
that is known gets other settings, or another host. Hosts remember, whatever power a board has.

Runs in MicroPython.
"""

import json
from binascii import b2a_base64, hexlify

import nor
import rig
from kinds import kind_of

_HOME, _MOVED = "192.168.1.10", "192.168.1.20"
_TOKENS = ("token 1", "token 2", "token 3", "token 4")


def _ca(address):
    return b2a_base64(address.encode() * 40).decode().strip()


def _settings(address, product, ssid, token=None):
    """What deploy hands a board; each host has a CA of its own."""
    config = {"product": product, "model": "ESP32_GENERIC", "app": {"note": ssid * 30}}
    told = {
        "host": {"addresses": [address], "port": 8443, "mqtt_port": 8883, "name": "mpfleet"},
        "ca": _ca(address),
        "floor": 800000000,
        "config": config,
        "wifi": [{"ssid": ssid, "password": "secret12"}],
        "watchdog_s": 90,
        "active": "a",
        "number": 4,
    }
    if token:
        told["token"] = token
    return told


# What the board has, what deploy hands it, what deploy hands it when it is run once more: a host
# gives a token for a board that is not claimed there, and none for another.
_SETTINGS = {
    "setup": (None, _settings(_HOME, "blink", "home", _TOKENS[0]), _TOKENS[1]),
    "config": (
        _settings(_HOME, "blank", "home", _TOKENS[0]),
        _settings(_HOME, "blink", "attic"),
        None,
    ),
    "move": (
        _settings(_HOME, "blank", "home", _TOKENS[0]),
        _settings(_MOVED, "blink", "attic", _TOKENS[1]),
        _TOKENS[2],
    ),
}


class Scenario:
    """One board's lives: install() once, live() with or without a cut, recover()."""

    def __init__(self, flash, root, given, name):
        self._kind, self._is_full = kind_of(name)
        self._old, self._new, self._token = _SETTINGS[name.split("-")[0]]
        self._flash = flash
        self._given = given
        self._host = Hosts(root.host)
        self._board = Board(self._host, root)

    def install(self):
        """The files of a deploy, and for a later one its settings, and a registration."""
        self._board.chip.flash_image(0, bytes.fromhex(self._given["images"]["old"]))
        rig.put_release("a", 4, rig.files_of(self._given, 4))
        if self._old:
            self._deploy(self._old)
        if self._is_full:
            nor.fill()

    def live(self, cut_at, when):
        """Deploy, and what the board then does, with the power failing at an operation."""
        self._flash.count_from_here(cut_at, when)
        refusal = self._deploy(self._new)
        return {"refusal": refusal, "is_known": self._is_known(), "mode": self._board.record.mode}

    def recover(self):
        """Power on and let it go on by itself; deploy once more; then an update."""
        board, told = self._board, {"chosen": [], "garbage": rig.garbage()}
        told["first"], has_all = self._compare()
        board.look = lambda path: told["chosen"].append(path[0] if path else "golden")
        board.run()
        told["is_stranded"] = has_all and not self._is_known()
        nor.free()
        again = dict(self._new)
        again.pop("token", None)
        if self._token and not self._is_claimed():
            again["token"] = self._token
        told["refusal"] = self._deploy(again)
        told["is_known"], told["mode"] = self._is_known(), board.record.mode
        told["conflicts"] = self._host.conflicts()
        files = rig.files_of(self._given, 5)
        self._host.offer(17, *rig.make_release(5, files))
        board.run()
        told.update(rig.tell_next(board.record.slot))
        return told

    def _deploy(self, settings):
        """What deploy does at the prompt, and the reset after it; the word it was refused with."""
        from device.errors import StorageFull
        from device.setup import apply

        self._board.chip.start()
        try:
            apply(json.dumps(settings))
            refusal = None
        except StorageFull as e:
            refusal = e.code
        self._board.run()
        return refusal

    def _compare(self):
        """What a board has at power-on: "old", "new" or "neither"; whether it has all of the new.

        Each setting is old or new as a whole; which they are may differ where the cut came in
        between. What the application is told decides on the name.
        """
        old = self._old or {"host": None, "ca": None, "config": {}, "wifi": [], "active": "-"}
        pairs = [(have, old[n], self._new[n]) for n, have in self._board.settings().items()]
        if not all(have in (before, after) for have, before, after in pairs):
            return "neither", False
        has_all = all(have == after for have, _, after in pairs)
        is_new = self._board.settings()["config"] == self._new["config"]
        return "new" if is_new else "old", has_all

    def _is_known(self):
        """Whether the host it is to have knows it by its secret, for what it is, as claimed."""
        nvs, config = self._board.nvs, self._new["config"]
        known = self._host.knows(self._new["host"]["addresses"][0])
        secret = hexlify(nvs.blob("secret") or b"").decode()
        return known == {"secret": secret, "product": config["product"], "state": "claimed"}

    def _is_claimed(self):
        known = self._host.knows(self._new["host"]["addresses"][0])
        return known is not None and known["state"] == "claimed"


class Board(rig.Board):
    """Goes to the host that its settings name, if these let it."""

    def identify(self):
        from device.identity import Identity
        from device.store import Config

        return Identity(self.nvs, Config(self.store))

    def settings(self):
        """What it has of what deploy told it."""
        from device.store import Store
        from device.update.record import BootRecord

        ca = self.nvs.blob("ca")
        return {
            "host": json.loads(self.nvs.blob("host") or b"null"),
            "ca": b2a_base64(ca).decode().strip() if ca else None,
            "config": Store().load("config.json", {}),
            "wifi": Store().load("wifi.json", []),
            "active": BootRecord("/state", []).active,
        }

    async def live(self):
        have = self.settings()
        address = have["host"] and have["host"]["addresses"][0]
        if address and have["wifi"] and have["ca"] == _ca(address):
            self.host.address = address
            await self._meet()

    async def _meet(self):
        """Registration as the runtime sees to it, then what an update does."""
        from device.errors import HttpError
        from device.registration import Registration

        log = rig.LogObject(self.log, self.lines)
        me, number = self.identity, rig.number_of(self.record.slot)
        registration = Registration(self.host, self.store, self.nvs, me, number, log)
        self.host.credentials = self.identity.id, self.identity.secret_hex
        for _ in range(2):
            try:
                await registration.ensure()
                await super().live()
                return
            except HttpError as e:  # then it tries later: as a rule there is nothing else to do
                self.log("host", e.detail())
                if e.status == 401:
                    registration.forget()


class Hosts(rig.Host):
    """Hosts by address; what each knows of boards is in one file beside the flash."""

    def __init__(self, path):
        super().__init__()
        self._path = path
        self.address = self.credentials = None

    def knows(self, address):
        """The only board that a host knows, or None."""
        return self._load()["boards"].get(address)

    def conflicts(self):
        """How often a board came with another secret than the one that was known."""
        return self._load()["conflicts"]

    async def post(self, path, body, with_credentials):
        from device.errors import HttpError

        known = self._load()
        board = known["boards"].get(self.address)
        if board and board["secret"] != body["secret"]:
            known["conflicts"] += 1
            self._save(known)
            raise HttpError("identity-conflict", 409)
        token = body.get("token")
        is_good = token in _TOKENS and token not in known["used"]
        is_claimed = is_good or bool(board and board["state"] == "claimed")
        state = "claimed" if is_claimed else "unclaimed"
        answer = {"state": state}
        if token and not is_good:
            answer["token"] = "refused"
        elif token:
            known["used"].append(token)
        known["boards"][self.address] = {
            "secret": body["secret"],
            "product": body["product"],
            "state": state,
        }
        self._save(known)
        return rig.Response(self, json.dumps(answer).encode(), 200, "application/json")

    async def get(self, path, *rest, **more):
        from device.errors import HttpError

        board = self.knows(self.address)
        if not board or board["secret"] != self.credentials[1]:
            raise HttpError("http-401", 401)
        return await super().get(path, *rest, **more)

    def _load(self):
        known = {"boards": {}, "used": [], "conflicts": 0}
        with open(self._path) as f:
            known.update(json.load(f))
        return known

    def _save(self, known):
        with open(self._path, "w") as f:
            json.dump(known, f)
