"""Web Bluetooth of a headless Chromium, on the virtual air.

Chromium's own emulation (the protocol domain BluetoothEmulation) stands for the phone's radio:
what a page asks of it is done on the air by bleak. It has no way to tell a notification; the page
has to look by itself.
"""

from base64 import b64decode, b64encode

from bleak import BleakClient, BleakScanner
from bleak.exc import BleakError

_DOMAIN = "BluetoothEmulation."
_NOTIFYING = "00002902-0000-1000-8000-00805f9b34fb"  # the descriptor that a page subscribes by
_DONE, _FAILED = 0, 0x0E  # ATT: unlikely error
ARGUMENTS = ["--enable-features=WebBluetooth", "--enable-blink-features=WebBluetooth"]


class WebBluetooth:
    """The radio of one browser, and the person who picks the board in its chooser."""

    def __init__(self, browser, page, air):
        self._air, self._parts, self._clients = air, {}, {}
        self._chooser = page.context.new_cdp_session(page)
        self._chooser.on("DeviceAccess.deviceRequestPrompted", self._choose)
        self._chooser.send("DeviceAccess.enable")
        self._prompts = set()
        self._radio = browser.new_browser_cdp_session()
        self._radio.on(_DOMAIN + "gattOperationReceived", self._gatt)
        self._radio.on(_DOMAIN + "characteristicOperationReceived", self._operate)
        self._radio.on(_DOMAIN + "descriptorOperationReceived", self._describe)
        self._send("enable", state="powered-on", leSupported=True)

    def offer(self, board):
        """Have the browser find a board that waits for its WiFi."""
        address = board.bluetooth.address
        client = self._air.run(_connected(address))
        self._clients[address] = client
        known = [service.uuid for service in client.services]
        self._send("simulatePreconnectedPeripheral", address=address, name="board",
                   manufacturerData=[], knownServiceUuids=known)  # fmt: skip
        for service in client.services:
            place = self._send("addService", address=address, serviceUuid=service.uuid)
            for one in service.characteristics:
                self._add(place["serviceId"], address, one)

    def close(self):
        """Switch it off."""
        for client in self._clients.values():
            self._air.run(client.disconnect())
        self._send("disable")

    def _add(self, service, address, one):
        names = {"read", "write", "notify"}.intersection(one.properties)
        made = self._send("addCharacteristic", serviceId=service, characteristicUuid=one.uuid,
                          properties=dict.fromkeys(names, True))["characteristicId"]  # fmt: skip
        self._parts[made] = address, one
        if "notify" in names:
            self._send("addDescriptor", characteristicId=made, descriptorUuid=_NOTIFYING)

    def _send(self, _method, **values):
        return self._radio.send(_DOMAIN + _method, values)

    def _choose(self, prompt):
        if prompt["devices"] and prompt["id"] not in self._prompts:
            self._prompts.add(prompt["id"])
            chosen = {"id": prompt["id"], "deviceId": prompt["devices"][0]["id"]}
            self._chooser.send("DeviceAccess.selectPrompt", chosen)

    def _gatt(self, event):
        self._send("simulateGATTOperationResponse", address=event["address"], type=event["type"],
                   code=_DONE)  # fmt: skip

    def _describe(self, event):
        self._send("simulateDescriptorOperationResponse", descriptorId=event["descriptorId"],
                   type=event["type"], code=_DONE)  # fmt: skip

    def _operate(self, event):
        address, part = self._parts[event["characteristicId"]]
        answer = {"characteristicId": event["characteristicId"], "type": event["type"]}
        try:
            data = self._air.run(self._done(self._clients[address], part, event))
        except BleakError:
            self._send("simulateCharacteristicOperationResponse", code=_FAILED, **answer)
            self._send("simulateGATTDisconnection", address=address)
            return
        if data is not None:
            answer["data"] = b64encode(data).decode()
        self._send("simulateCharacteristicOperationResponse", code=_DONE, **answer)

    @staticmethod
    async def _done(client, part, event):
        if event["type"] == "read":
            return bytes(await client.read_gatt_char(part))
        if event["type"] == "write":
            await client.write_gatt_char(part, b64decode(event["data"]), response=True)
        return None


async def _connected(address):
    device = await BleakScanner.find_device_by_address(address, timeout=10)
    client = BleakClient(device)
    await client.connect()
    return client
