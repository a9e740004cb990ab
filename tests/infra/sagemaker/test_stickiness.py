import pytest

from infra.sagemaker.runtime.stickiness import Weighted, choose_variant

HALF = [Weighted("AllTraffic", 0.5), Weighted("Candidate", 0.5)]


def test_one_variant_needs_no_choice():
    assert choose_variant("c-1", [Weighted("AllTraffic", 1.0)]) is None
    assert choose_variant("c-1", []) is None


def test_an_entity_is_always_answered_by_the_same_side():
    for number in range(50):
        assert len({choose_variant(f"c-{number}", HALF) for _ in range(3)}) == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_each_side_answers_its_share_of_the_entities(share):
    variants = [Weighted("AllTraffic", 1 - share), Weighted("Candidate", share)]
    chosen = [choose_variant(f"customer-{n}", variants) for n in range(10_000)]
    assert chosen.count("Candidate") / 10_000 == pytest.approx(share, abs=0.015)


def test_a_larger_share_takes_no_entity_of_the_candidate_away():
    smaller = [Weighted("AllTraffic", 0.9), Weighted("Candidate", 0.1)]
    for number in range(2_000):
        if choose_variant(f"c-{number}", smaller) == "Candidate":
            assert choose_variant(f"c-{number}", HALF) == "Candidate"


def test_the_choice_does_not_change_between_releases():
    # Computed by hand: the first 8 bytes of SHA-256("c-17") as a fraction of 2**64.
    import hashlib

    drawn = int(hashlib.sha256(b"c-17").hexdigest()[:16], 16) / 16**16
    assert choose_variant("c-17", HALF) == ("AllTraffic" if drawn < 0.5 else "Candidate")
