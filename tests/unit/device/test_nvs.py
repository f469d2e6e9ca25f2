"""Keys that outlive the file system."""

NVS = "import esp32\nfrom device.store import Nvs\nnvs = Nvs()\n"


def test_every_write_is_committed(on_board):
    script = (
        NVS
        + """
nvs.set_blob('a', b'x')
nvs.set_number('n', -3)
print(Nvs().blob('a'), Nvs().number('n'))
"""
    )
    assert on_board(script) == ["b'x' -3"]


def test_a_key_that_is_not_there_is_its_default(on_board):
    assert on_board(NVS + "print(nvs.blob('a'), nvs.number('n', 7))") == ["None 7"]


def test_an_erased_key_is_gone(on_board):
    script = (
        NVS + "nvs.set_blob('a', b'x')\nnvs.erase('a')\nnvs.erase('a')\nprint(Nvs().blob('a'))"
    )
    assert on_board(script) == ["None"]
