"""The command `mpfleet`: its groups, and how its errors end."""

from typing import Any, NoReturn

import click

from host.builder.errors import ToolError
from host.cli import (
    account,
    approve,
    assign,
    backup,
    deploy,
    dev,
    events,
    group,
    keys,
    login,
    logs,
    move,
    ownership,
    provision,
    release,
    repl,
    rig,
    rollout,
    serve,
    size,
    token,
    watch,
)
from host.errors import HostError


class Failure(click.ClickException):
    """One line that says what went wrong and what to do."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print it to standard error."""
        click.echo(f"mpfleet: {' '.join(self.message.split())}", err=True)


class Root(click.Group):
    """Turns errors a person can act on into one line."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except ToolError as error:
            _fail(error, str(error))
        except HostError as error:
            _fail(error, f"{error.message} ({error.code})")
        except OSError as error:  # a full disk, a folder where a file should be
            _fail(error, f"{error.filename or 'file'}: {error.strerror or error}")


def _fail(error: Exception, message: str) -> NoReturn:
    raise Failure(message) from error


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--profile",
    default="default",
    envvar="MPFLEET_PROFILE",
    show_default=True,
    help="Which sign-in to use; see mpfleet login.",
)
@click.version_option(package_name="mpfleet")
@click.pass_context
def main(context: click.Context, profile: str) -> None:
    """Keep a fleet of MicroPython boards up to date, safely.

    \b
    Examples:
      mpfleet serve --listen --address 192.168.1.10
      mpfleet login https://192.168.1.10:8443
      mpfleet release build examples/blink --upload
      mpfleet deploy --port /dev/ttyUSB0 --product blink --wifi home
      mpfleet approve 2 --product blink
      mpfleet assign 2 --product blink --all && mpfleet watch

    For automation MPFLEET_URL, MPFLEET_TOKEN, MPFLEET_CA (a file) and MPFLEET_FLEET stand in
    for a sign-in. Exit status: 0 done, 1 failed, 2 wrong usage.
    """
    context.obj = profile


for _command in (
    serve.serve,
    backup.backup,
    backup.restore,
    login.login,
    login.logout,
    release.release,
    ownership.device,
    approve.approve,
    assign.assign,
    rollout.rollout,
    events.events,
    watch.watch,
    account.user,
    group.group,
    keys.keys,
    move.move,
    token.token,
    deploy.deploy,
    provision.provision,
    dev.dev,
    repl.repl,
    logs.logs,
    rig.rig,
    size.size,
):
    main.add_command(_command)
