"""The radio, and who is told of its events."""

import bluetooth

ble = bluetooth.BLE()
_handlers = []
_enders = []


def register_irq_handler(irq, shutdown):
    if irq:
        _handlers.append(irq)
    if shutdown:
        _enders.append(shutdown)


def ensure_active():
    if not ble.active():
        ble.active(True)


def config(*names, **settings):
    ensure_active()
    return ble.config(*names, **settings)


def stop():
    ble.active(False)
    for end in _enders:
        end()


def _dispatch(event, data):
    for handler in _handlers:
        answer = handler(event, data)
        if answer is not None:
            return answer


ble.irq(_dispatch)
