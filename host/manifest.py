"""What a manifest says of its release, whoever has the bytes of that. Pure."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Manifest:
    """The bytes of a manifest (SPEC section 5): the base of what has those of its blobs, too."""

    manifest: bytes

    @cached_property
    def value(self) -> dict[str, Any]:
        """The manifest, parsed."""
        return json.loads(self.manifest)

    @property
    def product(self) -> str:
        """The product it is a version of."""
        return self.value["product"]

    @property
    def number(self) -> int:
        """Its number in the product."""
        return self.value["number"]

    @property
    def files(self) -> list[tuple[str, int, str]]:
        """Path, size and SHA-256 of each file of the app part."""
        return [tuple(entry) for entry in self.value["parts"]["app"]["files"]]

    @property
    def images(self) -> dict[str, dict[str, Any]]:
        """Size, SHA-256 and ELF hash of the firmware image for each board model."""
        return self.value["parts"].get("firmware") or {}

    @property
    def sim(self) -> list[tuple[str, int, str]]:
        """What stands in for its hardware on virtual boards, like `files`."""
        return [tuple(entry) for entry in self.value.get("sim", ())]

    @property
    def digests(self) -> list[str]:
        """The names of all its blobs."""
        named = [sha256 for _, _, sha256 in (*self.files, *self.sim)]
        return sorted({*named, *(one["sha256"] for one in self.images.values())})
