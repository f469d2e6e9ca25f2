"""Who may import whom (docs/DESIGN.md section 2), as a table that a test walks."""

import ast
import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("device", "host", "simulator", "examples", "tests", "boot", "main")

# The first matching row decides: files → patterns of the modules of ours they may import.
TABLE = (
    ("boot.py", ()),
    ("main.py", ("device.run", "device.start", "device.provisioning.mode")),
    ("device/run.py", ("device.*",)),
    ("device/start.py", ("device.*",)),  # puts the runtime together
    ("device/conversation.py", ("device.*",)),  # builds what is loaded for a talk only
    ("device/setup.py", ("device.*",)),
    ("device/provisioning/mode.py", ("device.*",)),  # the run.py of that mode
    ("device/provisioning/improv.py", ()),
    ("device/provisioning/session.py", ("device.provisioning.improv",)),
    (
        "device/provisioning/commands.py",
        ("device.errors", "device.provisioning.improv", "device.provisioning.session"),
    ),
    (
        "device/provisioning/*",
        ("device.provisioning.improv", "device.provisioning.terminal"),
    ),
    ("device/errors.py", ()),
    ("device/protocol.py", ()),
    ("device/update/steps.py", ("device.errors",)),
    ("device/update/documents.py", ("device.errors",)),
    ("device/update/plan.py", ("device.errors", "device.protocol")),
    (
        "device/update/metadata.py",
        ("device.errors", "device.update.documents", "device.update.signature"),
    ),
    ("device/update/signature.py", ()),
    (
        "device/update/trust.py",
        ("device.errors", "device.protocol", "device.http", "device.update.metadata"),
    ),
    (
        "device/update/move.py",
        ("device.errors", "device.protocol", "device.http", "device.connection"),
    ),
    (
        "device/update/client.py",
        (
            "device.update.steps",
            "device.update.plan",
            "device.update.firmware",
            "device.update.download",
            "device.errors",
            "device.log",
            "device.protocol",
        ),
    ),
    ("device/update/trial.py", ("device.errors", "device.update.steps", "device.update.record")),
    (
        "device/update/download.py",
        ("device.errors", "device.protocol", "device.update.patch"),
    ),
    ("device/checkin.py", ("device.errors", "device.conversation", "device.power")),
    ("device/connection.py", ("device.errors", "device.power")),
    (
        "device/update/firmware.py",
        ("device.errors", "device.update.firmware_slot", "device.update.plan"),
    ),
    ("device/update/firmware_slot.py", ("device.errors", "device.update.firmware")),
    ("device/*", ("device.errors", "device.protocol")),
    ("simulator/*", ("simulator", "simulator.*")),
    ("host/rollouts/*", ("host.rollouts*",)),  # pure
    (
        "host/verification/inside/*",  # a program of its own, in the sandbox
        (
            "host.verification*",
            "host.builder*",
            "host.deploy*",
            "host.metadata*",
            "host.pki",
            "host.storage",
            "simulator*",
            "device.protocol",
        ),
    ),
    (
        "host/verification/*",
        ("host.verification*", "host.builder.sizes", "host.manifest", "simulator*"),
    ),
    ("host/models/*", ("host.models", "host.models.*")),
    (
        "host/services/*",
        (
            "host.services",
            "host.services.*",
            "host.models",
            "host.models.*",
            "host.rollouts*",
            "host.storage",
            "host.patches",
            "host.verification*",
            "host.metadata*",
            "host.settings",
            "host.errors",
            "device.protocol",
        ),
    ),
    (
        "host/web/*",
        (
            "host.web*",
            "host.access",
            "host.services*",
            "host.verification.checks",
            "host.errors",
            "host.extensions",
            "host.pki",  # the CA certificate is offered to browsers
            "host.settings",
        ),
    ),
    (
        "host/api/*",
        (
            "host.api*",
            "host.access",
            "host.services*",
            "host.verification.finding",
            "host.errors",
            "host.extensions",
            "host.settings",
            "device.protocol",
        ),
    ),
    (
        "host/bridge/*",
        (
            "host.bridge*",
            "host.services*",
            "host.errors",
            "host.extensions",
            "host.settings",
            "device.protocol",
        ),
    ),
    (
        "host/deploy/*",
        (
            "host.deploy*",
            "host.address",
            "host.builder*",
            "host.errors",
            "host.verification.image",
            "device.protocol",
        ),
    ),
    (
        "host/provisioning/*",
        ("host.provisioning*", "host.builder.errors", "host.deploy.ports"),
    ),
    (
        "host/dev/*",
        ("host", "host.dev*", "host.deploy*", "host.builder*", "simulator*"),
    ),
    (
        "host/rig/*",
        (
            "host.rig*",
            "host.builder*",
            "host.deploy*",
            "host.provisioning*",
            "host.cli.client",  # a session is a client of the host it starts
            "host.cli.profile",
            "host.cli.release",
            "host.services.accounts",
            "host.services.tokens",
            "host.extensions",
            "host.settings",
            "host.pki",
            "simulator*",
        ),
    ),
    (
        "host/cli/*",
        (
            "host",
            "host.cli*",
            "host.serve*",
            "host.backup*",
            "host.builder*",
            "host.deploy*",
            "host.dev*",
            "host.provisioning*",
            "host.rig*",
            "host.services*",
            "host.metadata*",  # an approver composes and signs on their own machine
            "host.settings",
            "host.errors",
            "device.protocol",
        ),
    ),
    ("host/*", ("host", "host.*", "device.protocol")),
    ("examples/blink/*", ()),
    ("examples/thermostat/*", ()),
    ("examples/*", ("examples*", "host.*", "simulator*", "device.protocol")),
)


def sources():
    """Every source file the table speaks of."""
    files = [ROOT / "boot.py", ROOT / "main.py"]
    for folder in ("device", "host", "simulator", "examples"):
        files += sorted((ROOT / folder).rglob("*.py"))
    return [f.relative_to(ROOT).as_posix() for f in files]


def imports(name):
    """Modules of ours that a file imports, late imports included, as dotted names."""
    package = name.rsplit("/", 1)[0].replace("/", ".").split(".")
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            found = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module or ""]).strip(".")
            is_package = (ROOT / module.replace(".", "/")).is_dir()
            found = [f"{module}.{a.name}" for a in node.names] if is_package else [module]
        else:
            continue
        yield from (m for m in found if m.split(".")[0] in OURS)


def allowed(name):
    """Patterns of what the first matching row lets this file import."""
    return next(patterns for files, patterns in TABLE if fnmatch.fnmatch(name, files))


@pytest.mark.parametrize("name", sources())
def test_a_file_imports_only_what_its_row_allows(name):
    stray = [m for m in imports(name) if not any(fnmatch.fnmatch(m, p) for p in allowed(name))]
    assert stray == []


def test_the_board_is_never_imported_whole_by_the_host():
    users = {
        m for n in sources() if n.startswith("host/") for m in imports(n) if m.startswith("device")
    }
    assert {m.rsplit(".", 1)[0] if m.count(".") > 1 else m for m in users} <= {"device.protocol"}


def test_services_never_import_flask():
    strays = [
        n
        for n in sources()
        if n.startswith(("host/services/", "host/models/"))
        for node in ast.walk(ast.parse((ROOT / n).read_text()))
        if "flask"
        in [
            a.name.split(".")[0]
            for a in getattr(node, "names", [])
            if isinstance(node, ast.Import)
        ]
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "flask")
    ]
    assert strays == []
