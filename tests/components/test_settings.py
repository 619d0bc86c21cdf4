"""What the environment decides, read when it is asked for; secrets are not shown."""

import pytest

from components.settings import Settings
from testing.servers import environment


def test_the_environment_is_read_at_each_call():
    with environment(BROADFAST_S3_BUCKET="nightly", BROADFAST_NAMESPACE="shop"):
        assert (Settings().s3_bucket, Settings().namespace) == ("nightly", "shop")
    assert Settings().s3_bucket != "nightly"


def test_secrets_never_show_in_what_is_printed():
    with environment(AWS_SECRET_ACCESS_KEY="hush", BROADFAST_USER_HASH_SECRET="hush"):
        assert Settings().s3_secret_key == "hush"
        assert "hush" not in repr(Settings())


@pytest.mark.parametrize("variable", ["BROADFAST_S3_TIMEOUT_S", "BROADFAST_USD_PER_HOUR"])
def test_a_wrong_number_names_its_variable(variable):
    with environment(**{variable: "much"}), pytest.raises(ValueError, match=f"{variable} is 'much'; give a number of"):
        Settings()


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5"])
def test_a_number_of_gpus_is_whole(said):
    with environment(BROADFAST_TRAINING_GPUS=said), pytest.raises(ValueError, match="TRAINING_GPUS is .* from 1"):
        Settings()


def test_the_platforms_currency_is_a_code():
    with environment(BROADFAST_CURRENCY="eur"):
        assert Settings().currency == "EUR"
    with environment(BROADFAST_CURRENCY="euro"), pytest.raises(ValueError, match="BROADFAST_CURRENCY is 'euro'; give"):
        Settings()
    assert Settings().currency == ""
