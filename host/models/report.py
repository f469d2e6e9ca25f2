"""What a board says happened."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from host.models.base import Base


class Report(Base):
    """One report (SPEC section 8). The board's random key makes a second delivery harmless."""

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("device_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(16))
    received_at: Mapped[datetime]
    time: Mapped[datetime | None]  # the board's clock, where it had one
    kind: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    # As the board says; not a key, for it may be of another host.
    assignment: Mapped[int | None] = mapped_column(index=True)
    number: Mapped[int | None]
    step: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(String(200))
    traceback: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[str | None] = mapped_column(String(16))  # the same for tracebacks alike
    log: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    running: Mapped[int | None]
    heap: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    bytes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
