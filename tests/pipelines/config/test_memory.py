"""`OVERNIGHT_MEMORY`: what a step may hold."""

import pytest

from expectations.contract import InputError
from pipelines.config.installation.settings import parse_size, read_settings


@pytest.mark.parametrize(("text", "mib"), [("2GiB", 2048), ("512 MiB", 512), (" 256MiB ", 256)])
def test_an_amount_of_memory_is_a_number_with_its_unit(text: str, mib: int) -> None:
    assert read_settings({"OVERNIGHT_MEMORY": text}).memory == mib * 1024**2


@pytest.mark.parametrize("text", ["2", "2GB", "255MiB", "-2GiB", "2.5GiB", "", "9999999GiB"])
def test_another_amount_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(InputError, match=r"OVERNIGHT_MEMORY is .*; write it as 2GiB or 512MiB"):
        parse_size(text, name="OVERNIGHT_MEMORY")
