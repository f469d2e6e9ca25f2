"""The web process once more, for people: at a port and with a certificate of their own."""

from host.serve import web


def run(settings):
    """Serve until SIGTERM or SIGINT."""
    web.serve(settings, settings.console_port, settings.console_certificate, settings.console_key)
