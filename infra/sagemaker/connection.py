"""Sessions with AWS, and the translation of its errors for users of the command line.

Credentials and addresses come from where boto3 looks for them; nothing is read here.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from expectations.contract import InputError, OvernightError

if TYPE_CHECKING:
    import boto3

# With exponential backoff and full jitter between them (botocore's standard mode). Enough for a
# throttled call; a server that is not there must not cost minutes.
MAX_ATTEMPTS = 5
CONNECT_SECONDS = 5
READ_SECONDS = 20
ANSWER_SECONDS = "OVERNIGHT_AWS_SECONDS"

EMBEDDED = (
    'Start the embedded one with "make up" or "overnight up", or set AWS_ENDPOINT_URL_SAGEMAKER '
    "to one that runs."
)
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")


class AwsError(OvernightError):
    """AWS refused or failed; the message holds AWS's own."""


class ModelError(AwsError):
    """The model of an endpoint failed, or its answer is not of our container."""


class UnreachableError(OvernightError):
    """Nothing answers at the address of AWS."""


def open_session() -> "boto3.Session":
    """Open a session whose clients retry transient errors and have timeouts.

    An answer may take `OVERNIGHT_AWS_SECONDS`, 20 unless set.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    core = botocore.session.Session()
    core.set_default_client_config(
        Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=float(os.environ.get(ANSWER_SECONDS, READ_SECONDS)),
            retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        )
    )
    return boto3.Session(botocore_session=core)


@contextlib.contextmanager
def translated_errors(doing: str, *, unreachable: str = EMBEDDED) -> Iterator[None]:
    """Turn errors of boto3 into ours, with what was being done.

    Args:
        doing: in words.
        unreachable: what to do where nothing answers.

    Raises:
        UnreachableError: when nothing answers at the address.
        InputError: when credentials or the region are not set.
        AwsError: for anything that AWS refuses.
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ReadTimeoutError as error:
        raise AwsError(
            f"{doing} failed: {error} after {MAX_ATTEMPTS} attempts. AWS may have done it or not; "
            "run it again, which finds out and goes on."
        ) from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise UnreachableError(f"{doing} failed: {error} {unreachable}") from error
    except (exceptions.NoCredentialsError, exceptions.NoRegionError) as error:
        raise InputError(
            f"{doing} failed: {error} Set AWS_PROFILE, or AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION."
        ) from error
    except exceptions.ClientError as error:
        if error.response["Error"]["Code"] in DENIED:
            raise AwsError(
                f"{doing} failed: {error}. Give the role that runs this the missing action; "
                '"overnight plan" lists those that a deployment needs.'
            ) from error
        raise AwsError(f"{doing} failed: {error}. Fix the cause and run it again.") from error


def is_absent(error: Exception) -> bool:
    """Return True if an error of SageMaker says that there is no such resource."""
    return "could not find" in str(error).lower()


def is_taken(error: Exception) -> bool:
    """Return True if an error of SageMaker says that there is such a resource already."""
    return "already existing" in str(error).lower()


def is_in_progress(error: Exception) -> bool:
    """Return True if an error of SageMaker says that a change of the endpoint goes on."""
    return "in-progress" in str(error).lower()
