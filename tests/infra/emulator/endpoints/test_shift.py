import pytest

from infra.emulator.endpoints.shift import read_shift
from infra.emulator.protocol.protocol import ServiceError
from tests.infra.emulator.clients import blue_green


@pytest.mark.parametrize(
    ("policy", "shares"),
    [
        (blue_green("ALL_AT_ONCE"), (1.0,)),
        (blue_green("CANARY", percent=10), (0.1, 1.0)),
        (blue_green("LINEAR", percent=25), (0.25, 0.5, 0.75, 1.0)),
        (blue_green("LINEAR", percent=30), (0.3, 0.6, 0.9, 1.0)),
        (blue_green("LINEAR", percent=10), tuple(step / 10 for step in range(1, 11))),
    ],
)
def test_the_steps_of_a_shift_end_with_all_traffic(policy, shares):
    assert read_shift({"BlueGreenUpdatePolicy": policy}).shares == pytest.approx(shares)


def test_no_deployment_config_moves_everything_at_once():
    assert read_shift(None).shares == (1.0,)


def test_a_canary_without_its_size_is_refused():
    with pytest.raises(ServiceError, match="CanarySize is required"):
        read_shift({"BlueGreenUpdatePolicy": blue_green("CANARY")})


def test_a_rolling_update_is_refused_by_name():
    with pytest.raises(ServiceError, match="not rolling ones"):
        read_shift({"RollingUpdatePolicy": {}})
