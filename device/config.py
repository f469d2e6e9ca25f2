"""The board's settings of /state/config.json with their defaults (SPEC section 2)."""

DEFAULTS = {
    "product": "",
    "model": "",
    "poll_s": 3600,
    "watchdog_s": 90,
    "trial_s": 120,
    "contact_s": 600,
    "healthy_s": 300,
    "hostname": "",
    "ntp_host": "pool.ntp.org",
    "app": {},
}


class Config:
    """One attribute per setting; a value of another type counts as absent."""

    def __init__(self, store):
        given = store.load("config.json", {})
        for name, default in DEFAULTS.items():
            value = given.get(name, default)
            setattr(self, name, value if isinstance(value, type(default)) else default)
