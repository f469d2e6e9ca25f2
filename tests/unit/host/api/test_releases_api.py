"""The user API of releases and blobs (SPEC section 11)."""

import pytest
from host_samples import MAIN, MPY, encode, make_device, manifest_value, sha256

from host.models import Blob, Release
from simulator import build_image

API = "/api/v1"


def post(client, person, content):
    return client.post(f"{API}/releases", data=content, headers=person.headers)


def put(client, person, content, name=None):
    url = f"{API}/blobs/{name or sha256(content)}"
    return client.put(url, data=content, headers=person.headers)


def complete(client, person, number=2):
    return client.post(f"{API}/releases/blink/{number}/complete", headers=person.headers)


def test_a_manifest_says_which_blobs_are_missing(client, alice):
    answer = post(client, alice, encode(manifest_value()))
    assert answer.status_code == 201
    assert answer.json["missing"] == [sha256(MAIN)]
    assert answer.json["release"]["state"] == "draft"


def test_a_release_says_which_micropython_it_brings(client, alice):
    image, value = build_image(version="v1.27.0"), manifest_value()
    firmware = {"size": len(image), "sha256": sha256(image), "elf": image[176:192].hex()}
    value["parts"]["firmware"] = {"ESP32_GENERIC": firmware}
    post(client, alice, encode(value))
    for blob in (MAIN, image):
        put(client, alice, blob)
    brought = complete(client, alice).json["parts"]["firmware"]
    assert brought == {"ESP32_GENERIC": {**firmware, "micropython": "v1.27.0"}}


def test_the_same_manifest_again_is_harmless(client, alice):
    content = encode(manifest_value())
    post(client, alice, content)
    answer = post(client, alice, content)
    assert (answer.status_code, answer.json["missing"]) == (200, [sha256(MAIN)])


def test_a_number_is_taken_by_other_bytes(client, alice):
    post(client, alice, encode(manifest_value()))
    answer = post(client, alice, encode(manifest_value(version="other")))
    assert (answer.status_code, answer.json["error"]) == (409, "number-taken")
    assert answer.json["next"] == 3


def test_a_release_is_shown_as_its_manifest_says(client, alice, upload):
    content = upload()
    shown = client.get(f"{API}/releases/blink/2", headers=alice.headers).json
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "product": "blink", "number": 2, "version": "1.2", "description": "Blink.",
        "boards": ["ESP32_GENERIC"], "size_bytes": len(MAIN), "state": "verified",
        "approved": False, "withdrawn": None,
        "parts": {"app": {"files": [["app/main.mpy", len(MAIN), sha256(MAIN)]]}},
        "created_by": alice.email, "manifest_sha256": sha256(content),
    }  # fmt: skip


def test_a_manifest_is_kept_byte_for_byte(client, alice, upload):
    content = upload()
    answer = client.get(f"{API}/releases/blink/2/manifest", headers=alice.headers)
    assert answer.data == content


def test_releases_are_listed_newest_first_and_by_product(client, alice, upload):
    upload(2)
    upload(3)
    shown = client.get(f"{API}/releases", headers=alice.headers).json
    other = client.get(f"{API}/releases?product=thermostat", headers=alice.headers).json
    assert ([one["number"] for one in shown], other) == ([3, 2], [])


RUNNING = {  # what a board says it runs, whether it is claimed → the next number
    "less": (1, True, 3),
    "more": (7, True, 8),
    "unclaimed": (7, False, 3),
    "not believed": (5000, True, 3),
}


@pytest.mark.parametrize(("runs", "is_claimed", "number"), RUNNING.values(), ids=RUNNING)
def test_the_next_number_is_above_what_boards_run(
    client, alice, upload, db, runs, is_claimed, number
):
    upload(2)
    make_device(db, alice if is_claimed else None, number=runs)
    url = f"{API}/products/blink/next-number"
    assert client.get(url, headers=alice.headers).json == {"number": number}


def test_the_next_number_is_one_above_the_highest(client, alice, upload):
    url = f"{API}/products/blink/next-number"
    first = client.get(url, headers=alice.headers).json
    upload(7)
    assert (first, client.get(url, headers=alice.headers).json) == ({"number": 1}, {"number": 8})


@pytest.mark.parametrize("path", ("/9", "/2147483648", "/x", "/2/manifest"))
def test_a_release_that_is_not_there_is_not_found(client, alice, path):
    answer = client.get(f"{API}/releases/blink{path}", headers=alice.headers)
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")


def test_only_listed_blobs_are_taken(client, alice):
    answer = put(client, alice, b"anything")
    assert (answer.status_code, answer.json["error"]) == (404, "not-found")


@pytest.mark.parametrize(
    "content", (MAIN[:-1], b"", b"X" + MAIN[1:]), ids=("short", "none", "other")
)
def test_a_blob_that_is_not_its_hash_is_refused(client, alice, db, host, content):
    post(client, alice, encode(manifest_value()))
    answer = put(client, alice, content, sha256(MAIN))
    assert (answer.status_code, answer.json["error"]) == (400, "hash-mismatch")
    assert db.query(Blob).count() == 0
    assert [path for path in host.storage.folder.rglob("*") if path.is_file()] == []


def test_a_longer_blob_is_refused_unread(client, alice):
    post(client, alice, encode(manifest_value()))
    answer = put(client, alice, MAIN + b"x", sha256(MAIN))
    assert (answer.status_code, answer.json["error"]) == (413, "too-large")


def test_a_blob_comes_back(client, alice, release):
    url = f"{API}/blobs/{sha256(MAIN)}"
    assert client.get(url, headers=alice.headers).data == MAIN


def test_a_blob_uploaded_twice_is_harmless(client, alice, release):
    assert put(client, alice, MAIN).status_code == 200


def test_a_blob_that_is_there_does_not_travel_again(client, alice, release):
    answer = post(client, alice, encode(manifest_value(3)))
    assert answer.json["missing"] == []


def test_a_release_with_missing_blobs_is_not_complete(client, alice):
    post(client, alice, encode(manifest_value()))
    answer = complete(client, alice)
    assert (answer.status_code, answer.json["error"]) == (409, "blobs-missing")
    assert answer.json["missing"] == [sha256(MAIN)]


def test_completing_twice_is_harmless(client, alice, release):
    assert complete(client, alice).json["state"] == release.state


BYTECODE = {
    "native-code": b"M\x06\x0c\x1fcode",
    "wrong-abi": b"M\x05\x00\x1fcode",
    "manifest-invalid": b"print(1)",
}


@pytest.mark.parametrize(("word", "content"), BYTECODE.items(), ids=BYTECODE)
def test_bytecode_that_does_not_run_on_every_board_is_refused(client, alice, word, content):
    post(client, alice, encode(manifest_value(files={"app/main.mpy": content})))
    put(client, alice, content)
    answer = complete(client, alice)
    assert (answer.status_code, answer.json["error"]) == (400, word)
    shown = client.get(f"{API}/releases/blink/2", headers=alice.headers).json
    assert shown["state"] == "draft"


def test_a_manifest_that_lies_about_a_size_is_not_completed(client, alice, release):
    listed = [["app/main.mpy", len(MAIN) + 1, sha256(MAIN)]]
    post(client, alice, encode(manifest_value(3, parts={"app": {"files": listed}})))
    answer = complete(client, alice, 3)
    assert (answer.status_code, answer.json["error"]) == (400, "manifest-invalid")


def test_a_manifest_over_the_limit_has_its_word(client, alice, db):
    content = encode(manifest_value(description=" " * 32768))
    for tail in (b"", b" " * 40000):
        answer = post(client, alice, content + tail)
        assert (answer.status_code, answer.json["error"]) == (413, "manifest-too-large")
    assert db.query(Release).count() == 0


@pytest.mark.parametrize("more", ({"blob_bytes_max": 100},))
def test_a_file_over_the_limit_is_refused(client, alice):
    answer = post(client, alice, encode(manifest_value()))
    assert (answer.status_code, answer.json["error"]) == (413, "too-large")


def test_an_unchanged_file_shares_its_blob(client, alice, upload, db):
    upload(2, {"app/main.mpy": MAIN, "app/x.mpy": MPY})
    upload(3, {"app/main.mpy": MAIN, "app/y.mpy": MPY})
    assert db.query(Blob).count() == 2
