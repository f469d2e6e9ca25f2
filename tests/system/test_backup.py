"""A host is lost; another one is made of its backup, and everybody finds it the same."""

import shutil
import subprocess

from tests.system.test_serve import COMMAND, serving


def run(*words):
    subprocess.run([COMMAND, *words], check=True, capture_output=True, timeout=60)


def test_a_host_is_backed_up_while_it_runs_and_made_anew_of_that(tmp_path):
    data, file, secret = (tmp_path / name for name in ("data", "fleet.backup", "secret"))
    secret.write_text("correct horse\n")
    with serving(data) as lost:
        lost.ready()
        run("backup", file, "--data", data, "--passphrase-file", secret)
    shutil.rmtree(data)
    run("restore", file, "--data", data, "--passphrase-file", secret)
    with serving(data) as found:
        found.ready()
        assert "password" not in found.said
        assert found.sign_in(lost.password)
        fingerprint = r"\n\s+([0-9A-F:]{95})\n"
        assert found.found(fingerprint) == lost.found(fingerprint)
