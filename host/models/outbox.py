"""What the bridge still has to send, written in the transaction that decided it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from host.models.base import Base


class Outbox(Base):
    """`what` goes to the device's notify topic; `{"what": "disconnect"}` ends its session."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(String(32), index=True)
    what: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
