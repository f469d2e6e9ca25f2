"""Releases, the blobs they are made of, and which uses which."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.user import User


def subject(product, number):
    """What events call a release."""
    return f"release {product}/{number}"


class Release(Base):
    """A numbered version of a product. Its manifest is kept byte for byte."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("product", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(String(32))
    number: Mapped[int]
    version: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(Text)
    boards: Mapped[list[str]] = mapped_column(JSON)
    abi: Mapped[int]
    parts: Mapped[dict[str, Any]] = mapped_column(JSON)
    size_bytes: Mapped[int]
    # draft (being uploaded), verifying, verified or rejected, approved, withdrawn
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    manifest_sha256: Mapped[str] = mapped_column(String(64), index=True)
    manifest: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    manifest_size: Mapped[int]
    withdrawn_at: Mapped[datetime | None]  # offered to nobody from then on
    withdrawn_why: Mapped[str | None] = mapped_column(String(200))

    created_by: Mapped[User] = relationship(lazy="joined")

    @property
    def subject(self):
        """What events call it."""
        return subject(self.product, self.number)

    @property
    def images(self):
        """Its firmware part: what the manifest says of the image for each board model."""
        return self.parts.get("firmware") or {}


class Blob(Base):
    """Bytes that the storage holds. A row exists once they are there and were verified."""

    __tablename__ = "blob"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size_bytes: Mapped[int]
    pieces_bytes: Mapped[int | None]  # length as pieces, where that is smaller
    is_packed: Mapped[bool] = mapped_column(default=False)  # pieces were tried, once
    created_at: Mapped[datetime]


class ReleaseBlob(Base):
    """A release uses a blob; listed before it was uploaded, so there is no foreign key to it."""

    __tablename__ = "release_blob"

    release_id: Mapped[int] = mapped_column(
        ForeignKey("release.id", ondelete="CASCADE"), primary_key=True
    )
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
    size_bytes: Mapped[int]
