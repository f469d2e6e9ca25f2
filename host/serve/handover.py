"""Settings on their way from `mpfleet serve` to the processes it starts: in the environment."""

import os

from host import settings as host_settings

_VARIABLE = "MPFLEET_HANDOVER"
_SERVER = "MPFLEET_SERVER_PID"


def give(settings):
    """The environment for a process that is to run with these settings."""
    return {**os.environ, _VARIABLE: settings.model_dump_json()}


def take():
    """The settings handed over, else those of the environment and the data folder."""
    text = os.environ.get(_VARIABLE)
    return host_settings.Settings.model_validate_json(text) if text else host_settings.load()


def name_server():
    """Let the workers of this process know it, also one that starts after it was killed."""
    os.environ[_SERVER] = str(os.getpid())


def server():
    """The process whose worker this is."""
    return int(os.environ[_SERVER])


def is_given():
    """Whether a supervisor handed settings over, on whose life this process depends."""
    return _VARIABLE in os.environ
