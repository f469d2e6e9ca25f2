"""How far the gate is with a release, and what it found."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from host.models.base import Base


class Verification(Base):
    """The job of trying one release: the row is the queue. Begun again, it is the same row."""

    __tablename__ = "verification"

    release_id: Mapped[int] = mapped_column(
        ForeignKey("release.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(16), index=True)  # waiting, running, done
    queued_at: Mapped[datetime]
    queued_by: Mapped[str] = mapped_column(String(254))
    owner: Mapped[str | None] = mapped_column(String(64))  # the worker that has it
    beat_at: Mapped[datetime | None]  # its last sign of life
    attempts: Mapped[int] = mapped_column(default=0)
    check: Mapped[str] = mapped_column(String(32), default="")  # that runs now
    step: Mapped[int] = mapped_column(default=0)  # its place of `steps`
    steps: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(String(200), default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Finding(Base):
    """What a check said of a release; a failed one may be waived by an admin."""

    __tablename__ = "finding"

    id: Mapped[int] = mapped_column(primary_key=True)
    release_id: Mapped[int] = mapped_column(
        ForeignKey("release.id", ondelete="CASCADE"), index=True
    )
    source: Mapped[str] = mapped_column(String(64))  # gate, or the rig that handed it in
    check: Mapped[str] = mapped_column(String(32))
    level: Mapped[str] = mapped_column(String(8))  # pass, warn, fail
    title: Mapped[str] = mapped_column(String(80))
    sentence: Mapped[str] = mapped_column(Text)
    log: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    waived_at: Mapped[datetime | None]
    waived_by: Mapped[str | None] = mapped_column(String(254))
    waived_why: Mapped[str | None] = mapped_column(String(200))

    @property
    def is_open(self):
        """Whether it keeps the release from being approved."""
        return self.level == "fail" and self.waived_at is None
