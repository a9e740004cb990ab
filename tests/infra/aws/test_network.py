from aws_cdk.assertions import Match

from tests.infra.aws.stacks import listed, spell

WAYS = {
    "com.amazonaws.<AWS::Region>.ecr.api",
    "com.amazonaws.<AWS::Region>.ecr.dkr",
    "com.amazonaws.<AWS::Region>.emr-serverless",
    "com.amazonaws.<AWS::Region>.kms",
    "com.amazonaws.<AWS::Region>.logs",
    "com.amazonaws.<AWS::Region>.monitoring",
    "com.amazonaws.<AWS::Region>.s3",
    "com.amazonaws.<AWS::Region>.sagemaker.api",
    "com.amazonaws.<AWS::Region>.sagemaker.runtime",
    "com.amazonaws.<AWS::Region>.secretsmanager",
    "com.amazonaws.<AWS::Region>.sts",
    "aws.sagemaker.<AWS::Region>.experiments",
}


def test_there_is_no_way_to_or_from_the_internet(stack, template):
    for kind in ("InternetGateway", "NatGateway", "EIP", "EgressOnlyInternetGateway", "Route"):
        template.resource_count_is(f"AWS::EC2::{kind}", 0)
    subnets = stack.found("AWS::EC2::Subnet").values()
    assert len(subnets) == 2
    assert [s["MapPublicIpOnLaunch"] for s in subnets] == [False, False]
    assert len({spell(s["AvailabilityZone"]) for s in subnets}) == 2


def test_aws_is_reached_through_endpoints_of_the_vpc(stack):
    found = list(stack.found("AWS::EC2::VPCEndpoint").values())
    assert {spell(endpoint["ServiceName"]) for endpoint in found} == WAYS
    kinds = [endpoint["VpcEndpointType"] for endpoint in found]
    assert sorted(kinds) == ["Gateway"] + ["Interface"] * 11


def test_endpoints_answer_to_names_of_aws_and_to_credentials_of_this_account_only(stack):
    for endpoint in stack.found("AWS::EC2::VPCEndpoint").values():
        if endpoint["VpcEndpointType"] == "Interface":
            assert endpoint["PrivateDnsEnabled"] is True
            (statement,) = endpoint["PolicyDocument"]["Statement"]
            own = {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}
            assert statement["Condition"] == {"StringEquals": own}


def test_nothing_is_let_in_by_address(stack):
    for group in stack.found("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group
    rules = list(stack.found("AWS::EC2::SecurityGroupIngress").values())
    assert len(rules) == 2
    assert all("CidrIp" not in rule and "CidrIpv6" not in rule for rule in rules)


def test_what_runs_here_speaks_https_to_aws_and_tcp_to_itself(stack):
    work = stack.named("AWS::EC2::SecurityGroup", "GroupDescription", "Spark and the scheduler")
    own = f"<{work}.GroupId>"
    rules = stack.found("AWS::EC2::SecurityGroupEgress").values()
    to_groups = [r for r in rules if spell(r["GroupId"]) == own]
    among_itself = [r for r in to_groups if spell(r["DestinationSecurityGroupId"]) == own]
    to_ways = [r for r in to_groups if r not in among_itself]
    assert [(r["FromPort"], r["ToPort"]) for r in among_itself] == [(0, 65535)]
    assert [(r["FromPort"], r["ToPort"]) for r in to_ways] == [(443, 443)]
    by_address = stack.found("AWS::EC2::SecurityGroup")[work]["SecurityGroupEgress"]
    assert [(r["CidrIp"], r["FromPort"], r["ToPort"]) for r in by_address] == [
        ("0.0.0.0/0", 443, 443)
    ]


def test_all_traffic_is_logged(template):
    template.resource_count_is("AWS::EC2::FlowLog", 1)
    flow = {"ResourceType": "VPC", "TrafficType": "ALL", "LogGroupName": Match.any_value()}
    template.has_resource_properties("AWS::EC2::FlowLog", flow)


def test_interface_endpoints_stand_behind_a_group_that_only_work_may_enter(stack):
    ways = stack.named("AWS::EC2::SecurityGroup", "GroupDescription", "Endpoints of AWS services")
    for endpoint in stack.found("AWS::EC2::VPCEndpoint").values():
        groups = [spell(group) for group in listed(endpoint.get("SecurityGroupIds", []))]
        assert groups in ([], [f"<{ways}.GroupId>"])
    (rule,) = [
        r
        for r in stack.found("AWS::EC2::SecurityGroupIngress").values()
        if spell(r["GroupId"]) == f"<{ways}.GroupId>"
    ]
    assert (rule["FromPort"], rule["ToPort"]) == (443, 443)
