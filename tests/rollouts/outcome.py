"""The state that every deployment has to end in, whatever failed."""

from tests.rollouts.house import House, Traffic


def consistent(house: House, traffic: Traffic, *, serves: int) -> None:
    """The endpoint serves one whole version, the alias and the chain name it, nobody noticed."""
    live = house.live()
    assert live["EndpointStatus"] == "InService"
    assert house.chain.champion == serves
    assert house.registry.aliases()["champion"] == serves
    assert traffic.errors == []
    assert traffic.digests[-1] == house.digest(serves)
    assert set(traffic.digests) <= {house.digest(1), house.digest(2)}


def promoted_once(house: House) -> None:
    """Another run finds everything done; one promotion of version 2 is in the chain."""
    house.disarm()
    house.deploy()
    promotions = [r.version for r in house.chain.records if r.kind == "promotion"]
    assert promotions == [1, 2]
    with house.asked() as traffic:
        house.deploy()
    consistent(house, traffic, serves=2)
