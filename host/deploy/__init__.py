"""Setting a board up over its serial port: `deploy(port, plan, client, report)`."""

from host.deploy.errors import DeployError
from host.deploy.plan import Event, Host, Network, Outcome, Plan, Report
from host.deploy.steps import deploy

__all__ = ["DeployError", "Event", "Host", "Network", "Outcome", "Plan", "Report", "deploy"]
