"""Which release a device should take."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from host.models.base import Base
from host.models.device import Device
from host.models.release import Release

OPEN = ("offered", "started")
FAILED = ("failed", "refused", "lost")
TRIED = ("trial", "commit", "rollback")  # steps in which the release itself runs, or did
ASKED = "asked"  # the board was told what it is to take
_IS_OPEN = text("state IN ('offered', 'started')")


class Assignment(Base):
    """One release offered to one device. The database sees to it that at most one is open."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index(
            "uq_assignment_open",
            "device_id",
            unique=True,
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"), index=True)
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"), index=True)
    rollout_id: Mapped[int | None] = mapped_column(
        ForeignKey("rollout.id", ondelete="SET NULL"), index=True
    )
    state: Mapped[str] = mapped_column(String(16))  # OPEN, done, failed, refused, lost, superseded
    step: Mapped[str | None] = mapped_column(String(16))  # the board's, or ASKED; None: not yet
    reason: Mapped[str | None] = mapped_column(String(32))
    interruptions: Mapped[int] = mapped_column(default=0)  # bounded, not held against it
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    device: Mapped[Device] = relationship()
    release: Mapped[Release] = relationship(lazy="joined")
