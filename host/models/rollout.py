"""A release on its way to many devices, and which device is in which wave."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.release import Release
from host.models.user import User

ACTIVE = ("running", "paused")


class Rollout(Base):
    """What a person asked for, and where it is. `plan` and `target` are the JSON of the API."""

    __tablename__ = "rollout"

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), index=True)
    target: Mapped[dict[str, Any]] = mapped_column(JSON)
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(16), index=True)  # ACTIVE, finished, aborted
    why: Mapped[str | None] = mapped_column(String(200))  # of the state
    wave: Mapped[int] = mapped_column(default=0)
    reached_at: Mapped[datetime | None]  # when the wave had its successes
    judged_from: Mapped[datetime | None]  # a person has seen the failures before that
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    revision: Mapped[int] = mapped_column(default=0)  # counts changes: whoever decided on an older
    # one decides anew

    release: Mapped[Release] = relationship(lazy="joined")
    created_by: Mapped[User] = relationship(lazy="joined")

    @property
    def subject(self):
        """What events call it."""
        return f"rollout {self.id}"


class RolloutDevice(Base):
    """A device's place in a rollout, and the newest assignment that it has from it."""

    __tablename__ = "rollout_device"

    rollout_id: Mapped[int] = mapped_column(
        ForeignKey("rollout.id", ondelete="CASCADE"), primary_key=True
    )
    device_id: Mapped[str] = mapped_column(
        ForeignKey("device.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    wave: Mapped[int]
    is_held: Mapped[bool] = mapped_column(default=False)  # failed with this release elsewhere
    assignment_id: Mapped[int | None] = mapped_column(
        ForeignKey("assignment.id", ondelete="SET NULL"), index=True
    )
