"""Where an update stands, in one small file that is replaced as a whole (SPEC section 4)."""

from device.errors import HttpError, StorageFull

_NAME = "journal"
_SHAPE = {
    "step": "check",
    "number": 0,
    "manifest": "",
    "size": 0,
    "assignment": 0,
    "tries": 0,
    "seals": 0,
    "spared": 0,
    "closed": 0,
    "full": 0,
    "fetched": 0,
    "copied": 0,
    "resumed": 0,
    "peak": 0,
}
_RELEASE = ("assignment", "number", "manifest", "size")


def assigned(answer):
    """The release of an assignment (SPEC section 7), its fields checked, or None."""
    release = answer.get("release")
    if release is None:
        return None
    try:
        numbers = [release[name] for name in ("assignment", "number", "size")]
        digest = release["manifest"]
    except (KeyError, TypeError):
        raise HttpError("bad-answer", 200)
    if not all(isinstance(n, int) and n > 0 for n in numbers) or not isinstance(digest, str):
        raise HttpError("bad-answer", 200)
    return {"assignment": numbers[0], "number": numbers[1], "size": numbers[2], "manifest": digest}


class Journal:
    """Fields of SPEC section 4 by name: `journal["step"]`; absent or garbage is its default."""

    def __init__(self, store):
        self._store = store
        found = store.load(_NAME, {})
        self._fields = {}
        for name, default in _SHAPE.items():
            value = found.get(name, default)
            self._fields[name] = value if isinstance(value, type(default)) else default

    def __getitem__(self, name):
        return self._fields[name]

    def is_about(self, release):
        """Whether this is the update that is noted here."""
        return all(self._fields[name] == release[name] for name in _RELEASE)

    def about(self):
        """Fields of a report on this update (SPEC section 8)."""
        fields = {name: self._fields[name] for name in ("assignment", "number")}
        fields["bytes"] = {name: self._fields[name] for name in ("fetched", "copied", "resumed")}
        return fields

    def begin(self, release):
        """Note a new update; what was spared is remembered where it is the same assignment."""
        changes = dict(_SHAPE)
        changes.update(release, step="plan", closed=self._fields["closed"])
        if release["assignment"] == self._fields["assignment"]:
            changes.update(spared=self._fields["spared"], full=self._fields["full"])
        self.keep(**changes)  # on a full flash the first step finds out, and says so

    def write(self, **changes):
        """Change fields.

        Raises:
            StorageFull: there was no room; nothing was changed, here or on flash.
        """
        fields = dict(self._fields)
        fields.update(changes)
        if fields != self._fields:
            self._store.save(_NAME, fields)
            self._fields = fields

    def keep(self, **changes):
        """Change fields, on flash if there is room: for what the boot record knows better."""
        try:
            self.write(**changes)
        except StorageFull:
            self._fields.update(changes)
