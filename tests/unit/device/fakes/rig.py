"""Builds the parts of the runtime a script wants, on fakes of the hardware only."""

import esp32

from device.clock import Clock
from device.store import Config
from device.connection import Host
from device.http import Http
from device.identity import Identity
from device.link import Link
from device.log import Log
from device.store import Nvs
from device.pipe import Pipe
from device.power import Power
from device.protocol import credentials
from device.store import Store


class Rig:
    def __init__(
        self,
        port,
        ca_hex,
        addresses=("127.0.0.1",),
        floor=820000000,
        folder="/nowhere",
        mqtt_port=1,
    ):
        esp32.NVS.committed["floor"] = floor
        self.log = Log()
        self.store = Store(folder)
        self.nvs = Nvs()
        self.config = Config(self.store)
        self.power = Power(0, self.log)
        self.clock = Clock(self.nvs, self.config, self.log, self.power)
        self.identity = Identity(self.nvs, self.config)
        settings = {
            "addresses": list(addresses),
            "port": port,
            "mqtt_port": mqtt_port,
            "name": "mpfleet",
        }
        self.host = Host(settings, [bytes.fromhex(ca_hex)], self.power)
        self.heard = []
        self.link = Link(
            self.host,
            Pipe(self.host, self.log),
            self.identity,
            self.log,
            self.power,
            self.heard.append,
            lambda: {"online": True},
        )
        self.http = Http(self.host, self.clock, self.log, credentials(self.identity.id, "00"))
