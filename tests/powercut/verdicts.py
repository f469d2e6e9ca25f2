"""What a board may be after power cuts, and what it may not. Pure."""

OLD_PAIR = [4, True, "old"]
_FLOOR = 830_908_800  # `issued` of what approvers signed: 2026-05-01


def astray(told, kind, is_full):
    """What is wrong with a run without a cut."""
    if kind.life == "setup":
        expected = ("storage-full", False) if is_full else (None, True)
        return (told["refusal"], told["is_known"]) != expected
    if kind.life == "trust":
        return (told["trusted"] == told["wanted"]) == is_full
    waits = is_full and kind.life == "update" and not kind.fails
    number, image, outcome = (4, "old", None) if waits else (kind.number, kind.image, kind.outcome)
    ended = [told["number"], told["mode"], told["image"], told["reports"][-1][1]]
    is_whole_image = kind.firmware == "patch" and not is_full and told["fetched"][-1] > 20_000
    return ended != [number, "active", image, outcome] or is_whole_image


def first(told, kind):
    """What a board was at the first start after a cut: "old", "new" or "neither"."""
    if kind.life in ("setup", "trust"):
        return told["first"]
    number, is_whole, image = told["chosen"][0]
    pairs = {(4, "old"): "old", (5, "new" if kind.firmware else "old"): "new"}
    return pairs.get((number, image), "neither") if is_whole else "neither"


def wrong(told, kind):
    """What is wrong with a board after cuts; an empty list for one that is well."""
    checks = {"setup": _of_setup, "trust": _of_trust}.get(kind.life, _of_update)
    return [text for is_so, text in (*checks(told, kind), *_of_each(told)) if not is_so]


def _of_update(told, kind):
    pairs = [OLD_PAIR, [5, True, "new" if kind.firmware else "old"]]
    strays = [r for r in told["reports"] if r[0] == 5 and r[1] not in (kind.outcome, None)]
    ended = (told["number"], told["image"], told["mode"], told["is_new_whole"])
    yield all(c in pairs for c in told["chosen"]), "a pair started that no release brought"
    yield told["full_mode"] == "active", "it does not run its release until there is room"
    yield ended == (kind.number, kind.image, "active", True), "the update did not get there"
    yield not strays, "a cut was held against the release"
    yield told["next"] == 6, "the next update did not get there"


def _of_setup(told, kind):
    yield told["first"] != "neither", "a setting is neither the old nor the new"
    yield not told["is_stranded"], "it has all it needs, and does not register by itself"
    yield told["refusal"] is None, "deploy is refused when it is run again"
    yield told["mode"] == "active", "it does not run its release after deploy"
    yield told["is_known"], "the host does not know it for what it is"
    yield told["conflicts"] == 0, "it came with another secret"
    yield told["next"] == 5, "the next update did not get there"


def _of_trust(told, kind):
    yield told["first"] != "neither", "a role's file is neither the old nor the new"
    yield told["trusted"] == told["wanted"], "the refresh did not get there"
    yield told["floor"] == _FLOOR, "the floor did not rise"
    yield told["fleet"] == 1, "fleet.json is not there to be tried"
    yield not told["reports"], "a cut made it doubt the host"
    yield told["mode"] == "active", "it does not run its release"
    yield told["next"] == 6, "the next update did not get there"


def _of_each(told):
    yield told["is_next_whole"], "the next release is not whole"
    yield not told["leftovers"], "state files are left over"
    yield not told["garbage"], "state files do not parse"
