"""The stack in an AWS account, for the CDK; runs only in the environment of `make infra`."""
