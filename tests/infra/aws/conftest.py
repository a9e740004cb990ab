import pytest
from aws_cdk.assertions import Template

from infra.aws.app import build_app
from infra.aws.environment import DEV, PROD
from tests.infra.aws.stacks import Stack


@pytest.fixture(scope="session")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture(scope="session")
def stacks(output):
    """Both environments, written as files too; cdk-nag judges them on the way."""
    app = build_app(output)
    app.synth()
    return {
        environment.name: Stack(
            environment, Template.from_stack(app.node.find_child(environment.prefix))
        )
        for environment in (DEV, PROD)
    }


@pytest.fixture(params=["dev", "prod"])
def stack(request, stacks):
    return stacks[request.param]


@pytest.fixture
def template(stack):
    return stack.template
