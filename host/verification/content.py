"""Whether a release is what its manifest says, byte for byte. Pure."""

import hashlib

from host.verification.finding import FAIL, PASS, Finding

NAME, TITLE = "content", "Manifest and hashes"


def check(case):
    """Hash and length of every blob, and the numbers of the releases it follows."""
    release = case.candidate
    listed = [*release.files, *release.sim, *((f"firmware for {model}", one["size"], one["sha256"])
                                for model, one in sorted(release.images.items()))]  # fmt: skip
    wrong = [(path, why) for path, size, name in listed if (why := _wrong(release, size, name))]
    if wrong:
        path, why = wrong[0]
        sentence = f"{path} {why}. Upload the release again from its bundle."
        return [Finding(NAME, FAIL, TITLE, sentence, "\n".join(" ".join(w) for w in wrong))]
    count = len(release.files) + len(release.images)
    return [Finding(NAME, PASS, TITLE, f"{count} files are what the manifest says.")]


def _wrong(release, size, name):
    try:
        content = release.read(name)
    except (OSError, LookupError) as error:
        return f"is not here: {error}"
    if len(content) != size:
        return f"has {len(content)} bytes, not {size}"
    if hashlib.sha256(content).hexdigest() != name:
        return "has another SHA-256 than its name"
    return ""
