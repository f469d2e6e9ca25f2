"""What the host knows of a board."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.group import Group
from host.models.user import User


class Device(Base):
    """A board as the host knows it. Its secret is kept as a hash only."""

    __tablename__ = "device"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    secret_digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)  # unclaimed, claimed, retired
    name: Mapped[str] = mapped_column(String(64), default="")
    mac: Mapped[str | None] = mapped_column(String(32))
    model: Mapped[str | None] = mapped_column(String(64))
    product: Mapped[str] = mapped_column(String(32), index=True)
    abi: Mapped[int | None]
    tags: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    timezone: Mapped[str | None] = mapped_column(String(64))  # of its windows; None: UTC
    registered_at: Mapped[datetime]
    registered_from: Mapped[str] = mapped_column(String(64), default="")
    last_seen_at: Mapped[datetime | None]

    # Whose it is: a person's or a group's, and since when. Who has it sees nothing of before.
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("group.id"), index=True)
    owned_since: Mapped[datetime | None]
    offered_to_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True)
    offered_at: Mapped[datetime | None]

    # The codes that claim it, kept as hashes: ours, made of the seed; the one that the board made.
    claim_seed: Mapped[str | None] = mapped_column(String(32))
    claim_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    board_code_digest: Mapped[str | None] = mapped_column(String(64))
    board_code_at: Mapped[datetime | None]

    # What it said last, by status, report or registration.
    online: Mapped[bool] = mapped_column(default=False)
    number: Mapped[int | None]
    slot: Mapped[str | None] = mapped_column(String(8))
    mode: Mapped[str | None] = mapped_column(String(16))
    firmware: Mapped[str | None] = mapped_column(String(64))
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    retry_active: Mapped[bool] = mapped_column(default=False)

    # Another secret for this id: waits for a person, the old one goes on working.
    conflict_digest: Mapped[str | None] = mapped_column(String(64))
    conflict_at: Mapped[datetime | None]
    conflict_from: Mapped[str | None] = mapped_column(String(64))
    conflict_has_token: Mapped[bool] = mapped_column(default=False)

    owner: Mapped[User | None] = relationship(lazy="joined", foreign_keys=[owner_id])
    group: Mapped[Group | None] = relationship(lazy="joined")
    offered_to: Mapped[User | None] = relationship(foreign_keys=[offered_to_id])

    @property
    def shown_state(self):
        """The state as people see it: an open conflict outshines claimed and unclaimed."""
        return "conflict" if self.conflict_digest and self.state != "retired" else self.state

    @property
    def is_unmanaged(self):
        """Whether a slot runs that is no release: its files were changed over USB."""
        return self.mode == "active" and self.slot in ("a", "b") and self.number == 0
