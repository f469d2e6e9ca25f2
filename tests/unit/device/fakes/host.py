"""A host that answers from a list: device.http.Http's interface, without a network."""

import json

from device.errors import HttpError, NetworkError


class Response:
    def __init__(self, value):
        self.status = 200
        self._value = value

    async def json(self, limit):
        return self._value

    async def read(self, limit):
        return json.dumps(self._value).encode()[:limit]


class Http:
    """`answers`: a value for 200, a number for another status, a word for a NetworkError."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.posted = []

    async def post(self, path, value, authorized=True):
        self.posted.append((path, value, authorized))
        return self._answer()

    def _answer(self):
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            raise HttpError(f"http-{answer}", answer)
        if isinstance(answer, str):
            raise NetworkError(answer)
        return Response(answer)

    def close(self):
        pass
