"""What a WSGI server loads: `host.wsgi:app`, with settings of MPFLEET_* and the data folder."""

from host import create_app
from host.serve import handover, logs

logs.configure("web")
app = create_app(handover.take())
