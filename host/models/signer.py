"""Whose key is whose, and the newest metadata that any board has trusted."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.user import User


class Signer(Base):
    """A key and its person; none for a key that the host holds: there the passphrase decides.

    Who may sign is what the root says; this only says which person a key stands for.
    """

    __tablename__ = "signer"

    keyid: Mapped[str] = mapped_column(String(64), primary_key=True)
    public: Mapped[dict[str, Any]] = mapped_column(JSON)
    role: Mapped[str] = mapped_column(String(16))  # root, targets, online
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship(lazy="joined")


class SeenVersion(Base):
    """The highest version of a role's metadata that a board said it trusts."""

    __tablename__ = "seen_version"

    role: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int]
