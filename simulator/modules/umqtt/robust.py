"""A stand-in for umqtt.robust: a client that connects again when the connection fails. For virtual
boards only.
"""

import time

from . import simple


class MQTTClient(simple.MQTTClient):
    """As simple's, but OSError leads to another connection (of the same session) and another try.
    """

    DELAY = 2
    DEBUG = False

    def delay(self, i):
        time.sleep(self.DELAY)

    def log(self, in_reconnect, e):
        if self.DEBUG:
            print("mqtt reconnect: %r" % e if in_reconnect else "mqtt: %r" % e)

    def reconnect(self):
        i = 0
        while True:
            try:
                return self.connect(False)
            except OSError as e:
                self.log(True, e)
                i += 1
                self.delay(i)

    def publish(self, topic, msg, retain=False, qos=0):
        return self._persist(lambda: simple.MQTTClient.publish(self, topic, msg, retain, qos))

    def wait_msg(self):
        return self._persist(lambda: simple.MQTTClient.wait_msg(self))

    def check_msg(self, attempts=2):
        def once():
            self.sock.setblocking(False)
            return simple.MQTTClient.wait_msg(self)

        return self._persist(once, attempts)

    def _persist(self, action, attempts=-1):
        while attempts:
            try:
                return action()
            except OSError as e:
                self.log(False, e)
            self.reconnect()
            attempts -= 1
