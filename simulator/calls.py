"""What the chip can ask of its board, by name: the table behind simulator/modules."""

import errno
import importlib.util
import time

from simulator import image
from simulator.clockwork import EPOCH_2000, RealTimeClock
from simulator.control import Later
from simulator.machine import HARD
from simulator.radio import LINK_STALL, ODD_BYTES
from simulator.relay import Relays
from simulator.station import Station, StationError

_NO_NAME = (-202, "EAI_FAIL")  # what lwIP's getaddrinfo gives
_NTP_WAIT_S = 0.2  # a second on a board
_NVS_NOT_FOUND = (-4354, "ESP_ERR_NVS_NOT_FOUND")
_NVS_KEY_TOO_LONG = (-4361, "ESP_ERR_NVS_KEY_TOO_LONG")
_NVS_KEY_LENGTH = 15
_ADC_MIDDLE = 1850


def chip_calls(board, machine, control):
    """The chip's own start and end."""

    def hello():
        return {
            "flash": str(board.flash.path.resolve()),
            "id": board.unique_id.hex(),
            "model": board.model,
            "cause": board.reset_cause,
            "offset_us": board.real_time_clock.offset_us,
            "address": board.station.address,
            "raw": machine.is_raw,
            "hangs": board.firmware.behaviour == image.HANG,
        }

    def set_flash_line(number):
        machine.chip.flash_line = number

    return {
        "hello": hello,
        "started": machine.keyboard.begin,
        "reset": lambda: machine.restart(HARD),
        "soft_reset": machine.soft_reset,
        "sleep": machine.sleep,
        "flash_line": set_flash_line,
        "flash_error": lambda: control.flash_error,
    }


def firmware_calls(firmware):
    """esp32.Partition, but for its bytes."""
    return {
        "partitions": lambda: [list(p) for p in firmware.partitions],
        "running": lambda: firmware.running,
        "boot": firmware.boot_label,
        "set_boot": firmware.set_boot,
        "confirm": firmware.confirm,
    }


def nvs_calls(nvs):
    """esp32.NVS. Values travel as hex."""

    def get(namespace, key):
        found = nvs.get(namespace, key)
        if found is None:
            raise OSError(*_NVS_NOT_FOUND)
        return [found[0], found[1].hex()]

    def put(namespace, key, kind, value):
        if len(key) > _NVS_KEY_LENGTH or len(namespace) > _NVS_KEY_LENGTH:
            raise OSError(*_NVS_KEY_TOO_LONG)
        nvs.set(namespace, key, kind, bytes.fromhex(value))

    def erase(namespace, key):
        if not nvs.erase(namespace, key):
            raise OSError(*_NVS_NOT_FOUND)

    return {"nvs_get": get, "nvs_set": put, "nvs_erase": erase, "nvs_commit": nvs.commit}


def clock_calls(clock: RealTimeClock, watchdog, timers):
    """machine.RTC, machine.WDT, machine.Timer."""

    def remember(data):
        clock.memory = bytes.fromhex(data)

    def set_offset(offset_us):
        clock.offset_us = offset_us

    return {
        "clock_set": set_offset,
        "memory": lambda: clock.memory.hex(),
        "memory_set": remember,
        "wdt": lambda period_ms: watchdog.arm(period_ms / 1000),
        "feed": watchdog.feed,
        "timer": timers.start,
        "timer_stop": timers.stop,
    }


def pin_calls(pins, sensors):
    """machine.Pin, machine.ADC and the sensors that apps ask most."""
    return {
        "pin_setup": pins.setup,
        "pin_drive": pins.drive,
        "pin_level": pins.level,
        "pin_irq": pins.listen,
        "adc": lambda number: pins.analog.get(number, _ADC_MIDDLE),
        "sensor": sensors.__getitem__,
    }


def wifi_calls(station: Station):
    """network.WLAN."""

    def connect(ssid, password):
        try:
            name = None if ssid is None else bytes.fromhex(ssid).decode(errors=ODD_BYTES)
            station.connect(name, password)
        except StationError as error:
            raise OSError(errno.EIO, str(error)) from None

    def scan():
        try:
            return [[e[0].encode(errors=ODD_BYTES).hex(), *e[1:]] for e in station.scan()]
        except StationError as error:
            raise OSError(errno.EIO, str(error)) from None

    def set_reconnects(n):
        station.reconnects = n

    def set_hostname(name):
        station.hostname = name

    return {
        "wifi_active": lambda: station.is_active,
        "wifi_activate": station.activate,
        "wifi_connect": connect,
        "wifi_disconnect": station.disconnect,
        "wifi_status": station.status,
        "wifi_scan": scan,
        "wifi_joined": lambda: station.joined and [station.joined.ssid, station.joined.signal_dbm],
        "wifi_reconnects": set_reconnects,
        "wifi_hostname": set_hostname,
    }


def bluetooth_calls(bluetooth):
    """bluetooth.BLE. Bytes travel as hex."""

    def activate(on):
        if on and importlib.util.find_spec("bumble") is None:
            raise OSError(errno.ENODEV, "this computer has no bumble")
        bluetooth.activate(on)

    def data(text):
        return None if text is None else bytes.fromhex(text)

    return {
        "ble_activate": activate,
        "ble_active": lambda: bluetooth.is_active,
        "ble_address": lambda: bluetooth.address.replace(":", ""),
        "ble_configure": lambda settings: bluetooth.settings.update(settings),
        "ble_setting": lambda name: bluetooth.settings[name],
        "ble_advertise": lambda ms, a, b: bluetooth.advertise(ms, data(a), data(b)),
        "ble_disconnect": bluetooth.disconnect,
        "ble_passkey": bluetooth.give_passkey,
        "ble_register": bluetooth.register,
        "ble_read": lambda handle: bluetooth.read(handle).hex(),
        "ble_write": lambda handle, text, is_news: bluetooth.write(handle, data(text), is_news),
        "ble_notify": lambda n, handle, text: bluetooth.notify(n, handle, data(text)),
        "ble_buffer": bluetooth.set_buffer,
        "ble_event": bluetooth.next_event,
    }


def network_calls(loop, station: Station, radio, relays: Relays):
    """socket.getaddrinfo and ntptime."""

    def resolve(host, port):
        """The port on 127.0.0.1 that leads to a target."""
        answer = Later()
        radio.lookups.append((time.monotonic(), host, port))
        address = host if _is_numeric(host) else radio.names.get(host)
        if not station.is_online:
            raise OSError(*(_NO_NAME if address != host else (errno.EHOSTUNREACH, "EHOSTUNREACH")))
        if address == LINK_STALL:
            loop.after(radio.stall_s, answer.answer, None, OSError(*_NO_NAME))
        elif address is None:
            raise OSError(*_NO_NAME)
        else:
            relays.port_for(address, port, answer.answer)
        return answer

    def ntp():
        """Seconds since 2000, by the time servers."""
        if not station.is_online:
            raise OSError(*_NO_NAME)
        if radio.ntp is not None and not radio.is_stalled:
            return int(time.time() - EPOCH_2000 + radio.ntp)
        answer = Later()
        loop.after(_NTP_WAIT_S, answer.answer, None, OSError(errno.ETIMEDOUT, "ETIMEDOUT"))
        return answer

    return {"resolve": resolve, "ntp": ntp, "connections": lambda: len(relays.live)}


def _is_numeric(host):
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
