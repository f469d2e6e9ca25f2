"""What a board believes of its host: refreshed into /state, asked for each release."""

import copy
import json

import pytest

from tests.unit.device.update.repository import KEYS, Repository, digest, manifest_of, role

EVE, PRODUCT, ONLINE = KEYS[5], KEYS[4], KEYS[1]
HEAD = b"M\x06\x00\x1f"
FILES = {"app/main.mpy": HEAD + bytes(300), "app/note.txt": b"hello", "device/run.mpy": HEAD}
YEAR_2026, YEAR_2031, YEAR_2099 = 1_780_000_000, 1_930_000_000, 4_080_000_000

# Visits one after the other, each to a host with other files: what the board made of it.
SCRIPT = """
with open("/host" + given[0]) as f:
    visits = json.load(f)
rig.install("a", 4, FILES)
board.nvs.set_number("number", 4)
board.is_trust_tried = True
for visit in visits:
    host.answers = {path: bytes.fromhex(data) for path, data in visit["answers"].items()}
    host.assignment, host.metadata = visit["release"], visit["version"]
    board.clock.time = visit["now"]
    if visit["root"]:
        rig.put("/state/root.json", host.answers["/metadata/1.root.json"])
    del host.asked[:], board.reports.queue[:]
    board.run()
    keys = ("kind", "outcome", "reason", "number", "assignment")
    say({
        "number": rig.number_of(board.record.slot),
        "reports": [[r.get(key) for key in keys] for r in board.reports.queue],
        "asked": [path for path, _ in host.asked],
        "state": sorted(os.listdir("/state")),
        "trusted": board.store.load("trusted.json", {}).get("versions"),
        "floor": board.clock.floor,
        "fleet": (board.nvs.blob("fleet", 3072) or b"").decode(),
        "moving": board.nvs.number("moving"),
    })
"""


class Host:
    """A repository, releases, and what is assigned; `visit()` freezes it."""

    def __init__(self):
        self.repository = Repository()
        self.blobs = {}
        self.release = None
        self.version = None

    def approve(self, release=5, path=None, manifest=None, by="targets", **custom):
        """A release that approvers signed; assigned, too."""
        manifest = manifest or manifest_of(release, FILES)
        about = {"product": "blink", "number": release, "boards": ["ESP32_GENERIC"]}
        self.repository.add(path or f"blink/{release}.json", manifest, by, **about | custom)
        self.offer(release, manifest)

    def offer(self, number, manifest):
        """Assigned, whether or not anybody signed it."""
        for data in (manifest, *FILES.values()):
            self.blobs[digest(data)] = data
        self.release = {"assignment": 10 + number, "number": number}
        self.release |= {"manifest": digest(manifest), "size": len(manifest)}

    def visit(self, now=YEAR_2026, root=False, **changes):
        answers = {f"/metadata/{name}": d for name, d in self.repository.files().items()}
        for name, data in self.blobs.items():
            answers[f"/manifests/{name}"] = answers[f"/blobs/{name}"] = data
        answers = {path: data for path, data in (answers | changes).items() if data is not None}
        return copy.deepcopy(
            {
                "answers": {path: data.hex() for path, data in answers.items()},
                "release": self.release,
                "version": self.version,
                "now": now,
                "root": root,
            }
        )


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def live(on_rig, tmp_path):
    """What a board said of each of these visits; it holds the first one's root."""

    def live(*visits, has_root=True):
        visits[0]["root"] = has_root
        (tmp_path / "visits.json").write_text(json.dumps(visits))
        return on_rig(SCRIPT, str(tmp_path / "visits.json"))

    return live


def ended(said):
    """Outcome and reason of the last report, and the release that runs."""
    _, outcome, reason, _, _ = said["reports"][-1]
    return outcome, reason, said["number"]


def test_a_release_that_approvers_signed_is_installed(live, host):
    host.approve()
    (said,) = live(host.visit())
    assert ended(said) == ("done", None, 5)


def test_what_is_believed_lies_in_state_and_nothing_else(live, host):
    host.approve()
    (said,) = live(host.visit())
    names = {"root.json", "timestamp.json", "snapshot.json", "targets.json", "trusted.json"}
    assert names | {"boot0", "boot1", "journal"} == set(said["state"])
    assert said["trusted"] == {"root": 1, "timestamp": 1, "snapshot": 1, "targets": 1}


def test_a_release_of_a_delegated_role_is_installed(live, host):
    host.repository.delegate("journal", PRODUCT, paths=["blink/*"])  # a role called as a file is
    host.approve(by="journal")
    (said,) = live(host.visit())
    assert ended(said) == ("done", None, 5)
    assert "targets-journal.json" in said["state"]


WRONG = (
    {"path": "blink/99.json"},
    {"path": "other/5.json"},
    {"product": "other"},
    {"number": 4},
    {"number": "5"},
    {"boards": ["ESP32_GENERIC_C3"]},
    {"boards": []},
    {"boards": None},
)


def test_a_release_signed_for_something_else_is_refused(live, host):
    visits = []
    for release, wrong in enumerate(WRONG, 5):
        wrong = dict(wrong)
        host.approve(release, wrong.pop("path", None), **wrong)
        host.repository.next("targets")
        visits.append(host.visit())
    told = live(*visits)
    words = [[report[1:3] for report in said["reports"]] for said in told]
    assert words == [[["refused", "not-approved"]]] * len(WRONG)
    assert told[-1]["number"] == 4


def test_a_release_that_nobody_signed_is_refused_before_its_manifest_is_asked_for(live, host):
    host.offer(5, manifest_of(5, FILES))
    (said,) = live(host.visit())
    assert ended(said) == ("refused", "not-approved", 4)
    assert [path for path in said["asked"] if not path.startswith("/metadata")] == ["/assignment"]


def test_another_manifest_under_a_signed_name_is_refused(live, host):
    host.approve()
    signed = host.release
    other = manifest_of(5, FILES | {"app/note.txt": b"hullo"})
    host.release = signed | {"manifest": digest(other)}
    first = host.visit(**{f"/manifests/{digest(other)}": other})
    host.release = signed | {"size": signed["size"] + 1, "assignment": 16}
    for said in live(first, host.visit()):
        assert ended(said) == ("refused", "not-approved", 4)


def test_a_manifest_that_names_another_number_than_its_target_is_refused(live, host):
    host.approve(manifest=manifest_of(6, FILES))
    (said,) = live(host.visit())
    assert ended(said) == ("refused", "manifest-invalid", 4)


def test_a_withdrawn_release_is_refused(live, host):
    host.approve()
    host.repository.signed["targets"]["targets"] = {}
    (said,) = live(host.visit())
    assert ended(said) == ("refused", "not-approved", 4)


def test_without_a_root_nothing_is_installed_and_it_says_so_once(live, host):
    host.approve()
    first, second = live(host.visit(), host.visit(), has_root=False)
    assert first["reports"] == [["trust", None, "no-root", 5, 15]]
    assert (second["reports"], second["number"]) == ([], 4)


def test_a_host_of_another_fleet_is_told(live, host):
    other = Host()
    other.repository.signers = {name: (EVE,) for name in other.repository.signers}
    other.repository.signed["root"]["keys"] = {EVE.id: EVE.public}
    for entry in other.repository.signed["root"]["roles"].values():
        entry["keyids"] = [EVE.id]
    other.repository.keep_root()
    other.approve()
    _, said = live(host.visit(), other.visit())
    assert said["reports"] == [["trust", None, "other-root", 5, 15]]


def test_bad_signatures_of_the_boards_own_host_are_not_taken_for_another_fleet(live, host):
    first = host.visit()
    host.repository.signers["timestamp"] = (EVE,)
    host.approve()
    _, said = live(first, host.visit())
    assert said["reports"] == [["trust", None, "bad-signature", 5, 15]]


def test_expired_metadata_are_later_reported_once_and_good_once_signed_anew(live, host):
    host.approve()
    host.repository.signed["timestamp"]["expires"] = "2026-01-01T00:00:00Z"
    first = host.visit()
    host.repository.signed["timestamp"] |= {"expires": "2030-01-01T00:00:00Z", "version": 2}
    told = live(first, first, host.visit())
    assert told[0]["reports"] == [["trust", None, "expired-metadata", 5, 15]]
    assert told[1]["reports"] == []
    assert ended(told[2]) == ("done", None, 5)


def test_an_unknown_clock_verifies_and_reports_but_installs_nothing(live, host):
    host.approve()
    unknown, known = live(host.visit(now=0), host.visit())
    assert unknown["reports"] == [["trust", None, "no-clock", 5, 15]]
    assert (unknown["number"], unknown["trusted"]["targets"]) == (4, 1)
    assert ended(known) == ("done", None, 5)


def test_a_clock_of_2099_does_no_lasting_harm(live, host):
    host.repository.signed["targets"]["issued"] = "2026-05-01T00:00:00Z"
    host.approve()
    far, near = live(host.visit(now=YEAR_2099), host.visit())
    assert far["reports"] == [["trust", None, "expired-metadata", 5, 15]]
    assert ended(near) == ("done", None, 5)


FLOORS = (
    # issued, the floor then: seconds since 2000
    (None, 0),
    (7, 0),
    ("never", 0),
    ("2026-13-01T00:00:00Z", 0),
    ("2026-05-01T00:00:00Z", 830_908_800),
    ("2025-05-01T00:00:00Z", 830_908_800),  # never lowered
    ("2099-01-01T00:00:00Z", 946_771_200),  # the expiry of root and targets
)


def test_only_what_approvers_signed_raises_the_floor_and_never_past_their_own_expiry(live, host):
    visits = []
    for host.version, (issued, _) in enumerate(FLOORS, 1):
        host.repository.signed["targets"]["issued"] = issued
        visits.append(host.visit())
        host.repository.next("targets")
    assert [said["floor"] for said in live(*visits)] == [floor for _, floor in FLOORS]


def test_metadata_that_are_too_long_are_refused_before_they_are_read(live, host):
    host.approve()
    (said,) = live(host.visit(**{"/metadata/timestamp.json": b"{" * 5000}))
    assert said["reports"] == [["trust", None, "bad-metadata", 5, 15]]
    assert "metadata.new" not in said["state"]


def test_an_idle_board_refreshes_only_when_the_host_has_other_metadata(live, host):
    host.version = 1
    before = host.visit()
    host.repository.next()
    host.version = 2
    first, same, then = live(before, before, host.visit())
    assert first["trusted"]["timestamp"] == 1
    assert same["asked"] == ["/assignment"]
    assert then["trusted"]["timestamp"] == 2


def test_doubt_without_an_assignment_is_reported_too(live, host):
    host.version = 1
    before = host.visit()
    host.repository.signed["timestamp"]["version"] = 0
    host.version = 0
    _, said, again = live(before, host.visit(), host.visit())
    assert said["reports"] == [["trust", None, "bad-metadata", None, None]]
    assert again["reports"] == []


def test_a_fleet_json_waits_in_nvs_and_is_fetched_once(live, host):
    fleet = b'{"format": 1}'
    host.repository.add("fleet.json", fleet)
    host.approve()
    files = {"/metadata/fleet.json": fleet}
    first = host.visit(**files)
    host.repository.next()
    said, then = live(first, host.visit(**files))
    assert (said["fleet"], said["moving"]) == (fleet.decode(), 1)
    assert "/metadata/fleet.json" not in then["asked"]


def test_a_fleet_json_that_is_withdrawn_is_not_tried_any_more(live, host):
    fleet = b'{"format": 1}'
    host.repository.add("fleet.json", fleet)
    host.approve()
    first = host.visit(**{"/metadata/fleet.json": fleet})
    del host.repository.signed["targets"]["targets"]["fleet.json"]
    host.approve(6)
    host.repository.next("targets")
    _, said = live(first, host.visit())
    assert said["moving"] == 0


def test_a_delegated_role_cannot_move_the_fleet(live, host):
    fleet = b'{"format": 1}'
    host.repository.delegate("blink", PRODUCT, paths=["blink/*", "fleet.json"])
    host.repository.add("fleet.json", fleet, "blink")
    host.approve(by="blink")
    (said,) = live(host.visit(**{"/metadata/fleet.json": fleet}))
    assert (said["moving"], ended(said)) == (0, ("done", None, 5))


def test_another_fleet_json_than_the_signed_one_is_not_taken(live, host):
    host.repository.add("fleet.json", b'{"format": 1}')
    host.approve()
    found = (None, b'{"format": 2}', b"x" * 5000)
    told = live(*(host.visit(**{"/metadata/fleet.json": data}) for data in found))
    words = [[report[2] for report in said["reports"]] for said in told]
    assert words == [["bad-target"], [], ["bad-metadata"]]
    assert {said["moving"] for said in told} == {0}


def test_threshold_two_wants_two(live, host):
    repository = host.repository
    two = KEYS[3], EVE
    repository.signed["root"]["keys"] = {k.id: k.public for k in (*KEYS[:4], EVE)}
    repository.signed["root"]["roles"]["targets"] = role(*two, threshold=2)
    repository.keep_root()
    host.approve()
    (said,) = live(host.visit())
    assert said["reports"] == [["trust", None, "bad-signature", 5, 15]]
    repository.signers["targets"] = two
    (said,) = live(host.visit())
    assert ended(said) == ("done", None, 5)
