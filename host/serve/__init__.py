"""The processes of a host and what keeps them running."""


def run(settings, *, on_ready=None):
    """Serve until SIGINT or SIGTERM; see `host.serve.supervisor`."""
    # Late: web workers come by here for their settings only.
    from host.serve import supervisor

    supervisor.run(settings, on_ready=on_ready)
