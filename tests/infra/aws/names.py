"""Names of resources as policies write them."""

HERE = "<AWS::Region>:<AWS::AccountId>"
LOOK = {
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
}


def bucket(stack, name):
    named = f"{stack.environment.prefix}-{name}-<AWS::AccountId>"
    return f"<{stack.named('AWS::S3::Bucket', 'BucketName', named)}.Arn>"


def role_arn(stack, purpose):
    return f"<{stack.roles()[purpose]}.Arn>"
