"""What boards must be able to do, as in the system tests, on whatever board is there.

The scenarios are those of `mpfleet rig run`; here each is a test, and what a person at the serial
port would see is asked of pytest-embedded's `dut`.
"""


def test_a_board_boots(play, dut):
    play("boots")
    dut.expect_exact("run: ")


def test_a_board_joins_wifi(play, dut):
    play("joins-wifi")
    dut.expect_exact("wifi: joined")


def test_a_board_registers(play):
    play("registers")


def test_an_app_update_is_committed(play, dut):
    play("app-update")
    dut.expect_exact("trial: release")
    dut.expect_exact("trial: committed release")


def test_a_bad_app_rolls_back(play, dut):
    play("bad-app")
    dut.expect_exact("ValueError: the rig's bad app")
    dut.expect_exact("goes back: app-raised")


def test_a_firmware_update_is_committed(play, dut):
    play("firmware-update")
    dut.expect_exact("trial: committed release")


def test_a_firmware_rolls_back_with_its_app(play, dut):
    play("firmware-rollback")
    dut.expect_exact("goes back: app-raised")


def test_power_cuts_in_an_update_cost_nothing(play, dut):
    play("power-cut")
    dut.expect_exact("trial: committed release")


def test_a_wrong_certificate_is_refused(play, dut):
    play("wrong-certificate")
    dut.expect(r": tls [^\r\n]+")
    dut.expect_exact("link: online")


def test_a_board_without_a_network_is_given_one_over_the_cable(play, dut):
    play("provisioning")
    dut.expect_exact("provisioning: as mpfleet-")
    dut.expect_exact("power: provisioned")
    dut.expect_exact("link: online")


def test_resets_in_a_row_do_no_harm(play, dut):
    play("resets")
    dut.expect_exact("link: online")
