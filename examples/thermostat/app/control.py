"""When the heater is to be on: rules only, no hardware."""

HYSTERESIS = 0.5  # degrees to each side: a relay wears out by switching
COLDEST, HOTTEST = -40, 125  # what a TMP36 can say; beyond that its wire is off


def celsius(microvolts):
    """Degrees of a TMP36's output, or None where no sensor says that."""
    degrees = microvolts / 10000 - 50
    return degrees if COLDEST <= degrees <= HOTTEST else None


def heat(is_on, degrees, wanted):
    """Whether the heater is to be on, given whether it is. No reading (None) switches it off."""
    if degrees is None:
        return False
    if is_on:
        return degrees < wanted + HYSTERESIS
    return degrees < wanted - HYSTERESIS
