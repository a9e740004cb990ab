"""The VPC: subnets in two zones without internet access, and endpoints of AWS services.

There is no NAT gateway. What a process here may reach is the list of endpoints, and nothing else.
"""

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.aws.environment import Environment

HTTPS = 443
ZONES = 2
# Names after `com.amazonaws.<region>.`
SERVICES = (
    "ecr.api",
    "ecr.dkr",
    "emr-serverless",
    "kms",
    "logs",
    "monitoring",
    "sagemaker.api",
    "sagemaker.runtime",
    "secretsmanager",
    "sts",
)
# MLflow's has a prefix of its own: `aws.sagemaker.<region>.experiments`.
TRACKING = "experiments"


@dataclass(frozen=True, slots=True)
class Network:
    """The network in which all processes run.

    Attributes:
        work: the security group of Spark and of the scheduler.
    """

    vpc: ec2.Vpc
    work: ec2.SecurityGroup

    @property
    def subnets(self) -> list[str]:
        """The ids of the subnets."""
        return [subnet.subnet_id for subnet in self.vpc.isolated_subnets]


def build_network(scope: Construct, environment: Environment, *, log: logs.LogGroup) -> Network:
    """Make the VPC, its endpoints, and the security group of everything that runs in it."""
    group = Construct(scope, "Network")
    vpc = ec2.Vpc(
        group,
        "Vpc",
        ip_addresses=ec2.IpAddresses.cidr(environment.cidr),
        max_azs=ZONES,
        nat_gateways=0,
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="work", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=20
            )
        ],
        restrict_default_security_group=False,
        flow_logs={
            "All": ec2.FlowLogOptions(
                destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
                traffic_type=ec2.FlowLogTrafficType.ALL,
            )
        },
    )
    vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    work = ec2.SecurityGroup(
        group, "Work", vpc=vpc, description="Spark and the scheduler", allow_all_outbound=False
    )
    ways = ec2.SecurityGroup(
        group, "Ways", vpc=vpc, description="Endpoints of AWS services", allow_all_outbound=False
    )
    ways.add_ingress_rule(work, ec2.Port.tcp(HTTPS), "from what runs here")
    work.add_egress_rule(ways, ec2.Port.tcp(HTTPS), "to AWS services")
    # S3's addresses are public, behind a route of the gateway; no other public address has a route.
    work.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(HTTPS), "to S3")
    work.add_ingress_rule(work, ec2.Port.all_tcp(), "Spark among itself")
    work.add_egress_rule(work, ec2.Port.all_tcp(), "Spark among itself")
    region = Stack.of(scope).region
    names = {name: f"com.amazonaws.{region}.{name}" for name in SERVICES}
    for name, service in {**names, TRACKING: f"aws.sagemaker.{region}.{TRACKING}"}.items():
        _add_way(vpc, name, service=service, ways=ways)
    return Network(vpc, work)


def _add_way(vpc: ec2.Vpc, name: str, *, service: str, ways: ec2.SecurityGroup) -> None:
    endpoint = vpc.add_interface_endpoint(
        name,
        service=ec2.InterfaceVpcEndpointService(service, HTTPS),
        private_dns_enabled=True,
        security_groups=[ways],
        open=False,
    )
    # With credentials of another account nothing can be carried out of here.
    endpoint.add_to_policy(
        iam.PolicyStatement(
            principals=[iam.AnyPrincipal()],
            actions=["*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:PrincipalAccount": Stack.of(vpc).account}},
        )
    )
