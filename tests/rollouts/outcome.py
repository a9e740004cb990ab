"""The state that every deployment has to end in, whatever failed."""

from tests.rollouts.rig import Rig, Traffic


def consistent(rig: Rig, traffic: Traffic, *, serves: int) -> None:
    """The endpoint serves one whole version, the alias and the chain name it, nobody noticed."""
    live = rig.live()
    assert live["EndpointStatus"] == "InService"
    assert rig.chain.champion == serves
    assert rig.registry.aliases()["champion"] == serves
    assert traffic.errors == []
    assert traffic.digests[-1] == rig.digest(serves)
    assert set(traffic.digests) <= {rig.digest(1), rig.digest(2)}


def promoted_once(rig: Rig) -> None:
    """Another run finds everything done; one promotion of version 2 is in the chain."""
    rig.disarm()
    rig.deploy()
    promotions = [r.version for r in rig.chain.records if r.kind == "promotion"]
    assert promotions == [1, 2]
    with rig.asked() as traffic:
        rig.deploy()
    consistent(rig, traffic, serves=2)
