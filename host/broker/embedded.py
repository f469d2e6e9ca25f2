"""The embedded MQTT broker, as the process that runs it sees it."""

import ssl

from host.broker.mqtt import OwnTopicsBroker


class EmbeddedBroker:
    """A broker on TLS. `authenticate(device_id, secret_hex)` is awaited and says yes or no."""

    def __init__(self, address, port, certificate, authenticate, bridge_password):
        self._certificate = certificate
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.reload()
        self._broker = OwnTopicsBroker((address, port, self._tls), authenticate, bridge_password)

    async def start(self):
        """Listen. Raises: amqtt's BrokerError when the port is taken."""
        await self._broker.start()

    @property
    def port(self):
        """Where it listens, also when asked for port 0."""
        return self._broker.listener.sockets[0].getsockname()[1]

    @property
    def subscriptions(self):
        """Topic filters that somebody subscribed to."""
        return self._broker.subscriptions.keys()

    async def stop(self):
        """End every session, last wills unsaid, and the listener."""
        await self._broker.shutdown()

    async def end_session(self, client_id):
        """End a client's live connection, if it has one; its last will is said."""
        await self._broker.end(client_id)

    def reload(self):
        """Use the certificate file's present content for new connections."""
        self._tls.load_cert_chain(self._certificate)
