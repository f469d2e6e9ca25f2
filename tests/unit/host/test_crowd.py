"""One address may have a part of a worker's threads for bodies, and no more."""

import threading

import pytest

from host.crowd import Crowd

BODY = {"CONTENT_LENGTH": "5"}


class Slow:
    """An application that waits in each request until it is told to go on."""

    def __init__(self):
        self.goes_on = threading.Event()
        self.inside = threading.Semaphore(0)

    def __call__(self, environ, start_response):
        self.inside.release()
        self.goes_on.wait(10)
        start_response("200 OK", [])
        return [b""]


def ask(crowd, address="10.0.0.1", **more):
    """The status that a request gets."""
    statuses = []
    environ = {"REMOTE_ADDR": address, **more}
    crowd(environ, lambda status, headers: statuses.append((status, dict(headers))))
    return statuses[0]


@pytest.fixture
def full():
    """A host with two bodies of 10.0.0.1 under way, which are all that it may have."""
    slow = Slow()
    crowd = Crowd(slow, most=2)
    threads = [threading.Thread(target=ask, args=(crowd,), kwargs=BODY) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert slow.inside.acquire(timeout=5)
    yield crowd, slow, threads
    slow.goes_on.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("body", (BODY, {"HTTP_TRANSFER_ENCODING": "chunked"}))
def test_one_address_has_so_many_bodies_under_way_and_no_more(full, body):
    status, headers = ask(full[0], **body)
    assert (status, headers["Retry-After"]) == ("503 Busy", "5")


@pytest.mark.parametrize(
    ("address", "body"),
    (("10.0.0.2", BODY), ("10.0.0.1", {}), ("10.0.0.1", {"CONTENT_LENGTH": ""})),
)
def test_others_and_requests_without_a_body_are_served(full, address, body):
    crowd, slow, _ = full
    slow.goes_on.set()
    assert ask(crowd, address, **body)[0] == "200 OK"


def test_a_place_is_free_again_after_a_request(full):
    crowd, slow, threads = full
    slow.goes_on.set()
    for thread in threads:
        thread.join()
    assert ask(crowd, **BODY)[0] == "200 OK"


def test_a_place_is_free_again_after_a_mistake():
    def broken(environ, start_response):
        raise KeyError("x")

    crowd = Crowd(broken, most=1)
    for _ in range(3):
        with pytest.raises(KeyError):
            ask(crowd, **BODY)
