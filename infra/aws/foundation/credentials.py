"""The secrets of Airflow, drawn by AWS: nobody has seen them, no template holds them."""

from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.acknowledgement import acknowledge_nag
from infra.aws.environment import Environment
from infra.aws.foundation.keys import removal

LENGTH = 48
# Purpose and what it is for, as its description.
PURPOSES = {
    "database": "Password of Airflow's user in its PostgreSQL database",
    "fernet": "Seed of the key that encrypts Airflow's connections",
    "jwt": "What Airflow's processes sign their tokens with",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets of an environment, by purpose."""

    secrets: dict[str, secretsmanager.Secret]


def build_credentials(scope: Construct, environment: Environment, *, key: kms.Key) -> Credentials:
    """Make the secrets, `overnight-dev/airflow/jwt`."""
    group = Construct(scope, "Credentials")
    made = {}
    for purpose, description in PURPOSES.items():
        made[purpose] = secretsmanager.Secret(
            group,
            purpose.title(),
            secret_name=f"{environment.prefix}/airflow/{purpose}",
            description=description,
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                password_length=LENGTH, exclude_punctuation=True
            ),
            removal_policy=removal(environment),
        )
    acknowledge_nag(
        group,
        {
            "AwsSolutions-SMG4": "A new value takes effect when Airflow restarts, and a new Fernet "
            "key after its connections were written anew: done by hand, see infra/aws/README.md."
        },
    )
    return Credentials(made)
