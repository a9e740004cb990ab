"""Writes the templates of all environments.

Usage: python -m infra.aws.app OUTPUT
"""

import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.aws.environment import ENVIRONMENTS
from infra.aws.stack import build_stack

# What the CDK leaves as it was for stacks that stand already, and ours begin without.
BEHAVIOUR = {
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-iam:standardizedServicePrincipals": True,
}


def build_app(output: Path) -> App:
    """Build the app with all stacks; cdk-nag checks them when the templates are written."""
    app = App(outdir=str(output), analytics_reporting=False, context=BEHAVIOUR)
    for environment in ENVIRONMENTS:
        build_stack(app, environment)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def main() -> None:
    """Write the templates; return 1 when cdk-nag has findings that are not acknowledged."""
    (output,) = sys.argv[1:]
    build_app(Path(output)).synth()


if __name__ == "__main__":
    main()
