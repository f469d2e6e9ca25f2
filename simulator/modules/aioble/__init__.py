"""Stand-in for aioble on a virtual board, the half that advertises and serves; upstream's own goes
before it where `make libs` fetched it.
"""

from .core import config, stop
from .device import DeviceDisconnectedError
from .peripheral import advertise
from .server import BufferedCharacteristic, Characteristic, Service, register_services

ADDR_PUBLIC, ADDR_RANDOM = 0, 1
