"""Metadata files of every wrong kind: the board refuses them before it acts on them."""

import copy
import json

import pytest

from tests.unit.device.update.repository import KEYS, head, refused, role, signed_by

DEEP = b'{"signatures": [], "signed": ' + b"[" * 5000 + b"]" * 5000 + b"}"
NONE = {
    "empty": b"",
    "not JSON": b"hello",
    "cut short": b'{"signatures": [], "sig',
    "not UTF-8": b'{"signatures": [], "signed": {"_type": "\xff\xfe"}}',
    "nested too deep": DEEP,
    "a list": b"[]",
    "without signed": b'{"signatures": []}',
    "without signatures": b'{"signed": {}}',
}


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
@pytest.mark.parametrize("content", NONE.values(), ids=NONE)
def test_what_is_no_metadata_is_refused(visit, repository, name, content):
    repository.raw[name] = content
    (said,) = visit(repository.files())
    assert (refused(said), name in said["held"]) == ("bad-metadata", False)


CHANGES = {
    "spec_version 2": {"spec_version": "2.0.0"},
    "spec_version of another kind": {"spec_version": 1},
    "another type": {"_type": "mirrors"},
    "version 0": {"version": 0},
    "version -1": {"version": -1},
    "version true": {"version": True},
    "version as text": {"version": "1"},
    "version not whole": {"version": 1.5},
    "no expiry": {"expires": None},
    "expiry of another shape": {"expires": "2030-01-01"},
    "expiry with another zone": {"expires": "2030-01-01T00:00:00+0"},
}


@pytest.mark.parametrize("name", ("timestamp", "snapshot", "targets"))
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_metadata_of_another_shape_is_refused(visit, repository, name, changes):
    files = repository.files()
    file = next(file for file in files if name in file)
    envelope = json.loads(files[file])
    envelope["signed"] |= changes
    files[file] = json.dumps(envelope).encode()
    (said,) = visit(files)
    assert (refused(said), name in said["held"]) == ("bad-metadata", False)


# --- well signed, and of a wrong shape


SHAPES = {
    # what is wrong: (role, path to what is changed, the value put there)
    "targets is a list": ("targets", "targets", []),
    "a length below 0": ("targets", "targets/x/length", -1),
    "a length that is true": ("targets", "targets/x/length", True),
    "hashes of a target in a list": ("targets", "targets/x/hashes", []),
    "no keys of delegations": ("targets", "delegations/keys", None),
    "a keyval that is none": ("targets", f"delegations/keys/{KEYS[4].id}/keyval", "x"),
    "neither roles nor bins": ("targets", "delegations/roles", None),
    "both roles and bins": (
        "targets",
        "delegations/succinct_roles",
        role(KEYS[4], bit_length=1, name_prefix="bin"),
    ),
    "a delegated threshold of 0": ("targets", "delegations/roles/0/threshold", 0),
    "a delegated threshold that is true": ("targets", "delegations/roles/0/threshold", True),
    "a delegated key id that is a number": ("targets", "delegations/roles/0/keyids", [7]),
    "key ids in a text": ("targets", "delegations/roles/0/keyids", "abc"),
    "a role whose name is a number": ("targets", "delegations/roles/0/name", 7),
    "two roles of one name": ("targets", "delegations/roles/1/name", "blink"),
    "paths and prefixes": ("targets", "delegations/roles/0/path_hash_prefixes", ["00"]),
    "neither paths nor prefixes": ("targets", "delegations/roles/0/paths", None),
    "a path that is a number": ("targets", "delegations/roles/0/paths", [7]),
    "paths in a text": ("targets", "delegations/roles/0/paths", "*/*"),
    "terminating by a text": ("targets", "delegations/roles/0/terminating", "no"),
    "a snapshot without targets": ("snapshot", "meta", {"blink.json": {"version": 1}}),
    "a version of 0 in a snapshot": ("snapshot", "meta/targets.json/version", 0),
    "hashes in a list": ("snapshot", "meta/targets.json/hashes", []),
    "a length that is a text": ("snapshot", "meta/targets.json/length", "1"),
    "a length below nothing": ("snapshot", "meta/targets.json/length", -1),
    "a timestamp of two files": ("timestamp", "meta/root.json", {"version": 1}),
    "a timestamp of another file": ("timestamp", "meta", {"root.json": {"version": 1}}),
    "consistent by a text": ("root", "consistent_snapshot", "yes"),
    "consistent by a number": ("root", "consistent_snapshot", 1),
    "a root without a role": ("root", "roles/snapshot", None),
    "a threshold of 0": ("root", "roles/targets/threshold", 0),
    "a key id that is a list": ("root", "roles/targets/keyids", [[]]),
    "a key that is none": ("root", f"keys/{KEYS[3].id}", "x"),
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_a_wrong_shape_is_refused_whoever_signed_it(visit, repository, change):
    name, path, value = change
    repository.add("x")
    repository.delegate("blink", KEYS[4])
    repository.delegate("lamp", KEYS[4])
    files = repository.files()
    *folders, last = path.split("/")
    signed = copy.deepcopy(repository.signed[name])  # keys are shared with other tests
    if name == "root":
        signed["version"] = 2
    place = signed
    for folder in folders:
        place = place[int(folder) if folder.isdigit() else folder]
    if value is None:
        del place[last]
    else:
        place[last] = value
    file = "timestamp.json" if name == "timestamp" else f"{signed['version']}.{name}.json"
    files[file] = signed_by(signed, *repository.signers[name])
    (said,) = visit(files, path="blink/4.json")
    assert (refused(said), said["values"]) == ("bad-metadata", [name, "is malformed"])


LIMITS = {
    "nested too deep": json.loads("[" * 17 + "]" * 17),
    "nested too deep in objects": json.loads('{"a":' * 17 + "1" + "}" * 17),
    "too many values": [0] * 1000,
    "too many lists": [[]] * 500,
    "too many objects": [{}] * 500,
}


@pytest.mark.parametrize("value", LIMITS.values(), ids=LIMITS)
def test_what_would_eat_the_heap_is_refused_whoever_signed_it(visit, repository, value):
    repository.signed["targets"]["x"] = value
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"
    assert any(str(word).startswith(("nested too", "too many")) for word in said["values"])


def test_what_just_fits_is_taken(visit, repository):
    repository.signed["targets"] |= {"x": json.loads("[" * 15 + "]" * 15), "y": [0] * 950}
    (said,) = visit(repository.files())
    assert said["versions"]["targets"] == 1


def test_a_number_that_is_not_whole_is_refused(visit, repository):
    signed = repository.signed["targets"] | {"x": 1.5}
    repository.raw["targets"] = json.dumps({"signatures": [], "signed": signed}).encode()
    (said,) = visit(repository.files())
    assert (refused(said), said["values"]) == ("bad-metadata", ["a number is not whole"])


BINS = {
    "0 bits": {"bit_length": 0},
    "33 bits": {"bit_length": 33},
    "half a bit": {"bit_length": 1.5},
    "true bits": {"bit_length": True},
    "no name": {"name_prefix": ""},
    "a number for a name": {"name_prefix": 7},
    "a threshold of 0": {"threshold": 0},
}


@pytest.mark.parametrize("change", BINS.values(), ids=BINS)
def test_bins_of_a_wrong_shape_are_refused(visit, repository, change):
    bins = role(KEYS[4], bit_length=1, name_prefix="bin") | change
    keys = {KEYS[4].id: KEYS[4].public}
    signed = head("targets", targets={}, delegations={"keys": keys, "succinct_roles": bins})
    repository.raw["targets"] = json.dumps(
        {"signatures": json.loads(signed_by({}, KEYS[3]))["signatures"], "signed": signed}
    ).encode()
    (said,) = visit(repository.files(), path="blink/4.json")
    assert said["values"] == ["targets", "is malformed"]


@pytest.mark.parametrize(
    "signature",
    (7, "x", {}, {"keyid": "x"}, {"sig": "x"}, {"keyid": [], "sig": "x"}, {"keyid": {}, "sig": 1}),
    ids=str,
)
def test_a_signature_of_a_wrong_shape_is_refused(visit, repository, signature):
    envelope = json.loads(signed_by(repository.signed["targets"], KEYS[3]))
    envelope["signatures"].append(signature)
    repository.raw["targets"] = json.dumps(envelope).encode()
    (said,) = visit(repository.files())
    assert refused(said) == "bad-metadata"


def test_the_signature_of_one_who_has_not_signed_yet_may_be_empty(visit, repository):
    envelope = json.loads(signed_by(repository.signed["targets"], KEYS[3]))
    envelope["signatures"].insert(0, {"keyid": KEYS[4].id, "sig": ""})
    repository.raw["targets"] = json.dumps(envelope).encode()
    (said,) = visit(repository.files())
    assert said["versions"]["targets"] == 1


def test_quotes_and_backslashes_are_written_as_in_the_canonical_form(visit, repository):
    repository.add('blink/"4\\".json', note='\\"ä\n', no=None, yes=[True, False, -1, {}, []])
    (said,) = visit(repository.files(), path='blink/"4\\".json')
    assert said["entry"]["custom"]["note"] == '\\"ä\n'


# --- more than the heap bears

SHORT = """
import gc
import io
from device.update import metadata

ballast = []
class Held:
    def open(self, role):
        return io.BytesIO(root) if role == "root" else None
    def keep(self, role):
        print("kept", role)

root = open(given[0], "rb").read()
steps = metadata.refresh(Held(), None)
def until_it_asks(answer=None):
    want = steps.send(answer)
    while want is None:
        want = steps.send(None)
    return want
print(until_it_asks()[0])
print(until_it_asks()[0])
gc.collect()
while gc.mem_free() > 60000:
    ballast.append(bytearray(1024))
try:
    steps.send(io.BytesIO(b'{"a":' * 800))
except MemoryError:
    print("out of memory")
"""


def test_what_the_heap_does_not_bear_ends_as_a_memory_error_and_nothing_is_kept(
    on_board, repository, tmp_path
):
    (tmp_path / "root").write_bytes(repository.first_root)
    said = on_board(SHORT, str(tmp_path / "root"))
    assert said == ["2.root.json", "timestamp.json", "out of memory"]
