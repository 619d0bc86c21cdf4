"""Names are drawn the same everywhere."""

from components.sampling import hash_fraction, hash_id, hash_number


def test_a_name_always_draws_the_same():
    assert hash_number("split\0q1", 4) == 0x147E9690
    assert hash_fraction("calibration\nq1") == hash_fraction(b"calibration\nq1")


def test_fractions_spread_evenly():
    fractions = [hash_fraction(f"salt\nq{number}") for number in range(2000)]
    assert min(fractions) >= 0 and max(fractions) < 1
    assert 950 < sum(fraction < 0.5 for fraction in fractions) < 1050


def test_an_id_separates_its_parts():
    assert hash_id("us", "red shoes") != hash_id("usred", " shoes")
    assert len(hash_id("us", "red shoes")) == 16
