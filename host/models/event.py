"""Every change of state: who, when, why."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from host.models.base import Base


class Event(Base):
    """`who` (an e-mail address, `device <id>` or `host`) did `what` to `subject`, and `why`."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(String(64), index=True)  # as who, or release <p>/<n>
    what: Mapped[str] = mapped_column(String(32))
    why: Mapped[str] = mapped_column(Text, default="")
