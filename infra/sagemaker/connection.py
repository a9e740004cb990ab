"""Sessions with AWS, and what its refusals mean to whoever runs a command.

Credentials and addresses come from where boto3 looks for them; nothing is read here.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError

if TYPE_CHECKING:
    import boto3

# Enough for a throttled call; a server that is not there must not cost minutes.
MAX_ATTEMPTS = 4


class AwsError(OvernightError):
    """AWS refused or failed; holds its own words."""


class UnreachableError(InputError):
    """Nothing answers where AWS was looked for."""


def open_session() -> "boto3.Session":
    """A session whose clients give up on a dead address within seconds."""
    import boto3

    # In the environment, for `sagemaker.core` puts its own 10 attempts, 100 s of them, above what a
    # session says.
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    os.environ.setdefault("AWS_MAX_ATTEMPTS", str(MAX_ATTEMPTS))
    return boto3.Session()


@contextlib.contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Turn errors of boto3 into ours, with what was being done.

    Raises:
        UnreachableError: when nothing answers at the address.
        InputError: when credentials or the region are not set.
        AwsError: for anything that AWS refuses.
    """
    from botocore import exceptions

    try:
        yield
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise UnreachableError(
            f"{doing} failed: {error} Start the embedded one with "
            '"make up" or "overnight up", or set AWS_ENDPOINT_URL_SAGEMAKER to one that runs.'
        ) from error
    except (exceptions.NoCredentialsError, exceptions.NoRegionError) as error:
        raise InputError(
            f"{doing} failed: {error} Set AWS_PROFILE, or AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION."
        ) from error
    except exceptions.ClientError as error:
        raise AwsError(f"{doing} failed: {error}. Mend the cause and run it again.") from error


def is_absent(error: Exception) -> bool:
    """Whether an error of SageMaker says that there is no such resource."""
    return "could not find" in str(error).lower()
