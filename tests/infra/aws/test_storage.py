from tests.infra.aws.stacks import spell


def buckets(stack):
    start = f"{stack.environment.prefix}-"
    return {
        spell(p["BucketName"]).removeprefix(start).removesuffix("-<AWS::AccountId>"): (name, p)
        for name, p in stack.found("AWS::S3::Bucket").items()
    }


def key_of(stack, purpose):
    description = f"{stack.environment.prefix}: {purpose}"
    return f"<{stack.named('AWS::KMS::Key', 'Description', description)}.Arn>"


def test_both_keys_are_made_anew_each_year_and_may_be_saved_for_thirty_days(stack):
    keys = list(stack.found("AWS::KMS::Key").values())
    assert len(keys) == 2
    assert [key["EnableKeyRotation"] for key in keys] == [True, True]
    assert [key["PendingWindowInDays"] for key in keys] == [30, 30]


def test_there_are_a_lake_artefacts_and_a_bucket_of_accesses(stack):
    assert set(buckets(stack)) == {"lake", "artefacts", "access"}


def test_no_bucket_can_be_public(stack):
    for _, bucket in buckets(stack).values():
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }
        (rule,) = bucket["OwnershipControls"]["Rules"]
        assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_buckets_refuse_what_is_not_tls_or_older_than_1_2(stack):
    policies = {
        spell(policy["Bucket"]): policy["PolicyDocument"]["Statement"]
        for policy in stack.found("AWS::S3::BucketPolicy").values()
    }
    for name, _ in buckets(stack).values():
        denied = [s for s in policies[f"<{name}>"] if s["Effect"] == "Deny"]
        conditions = [statement["Condition"] for statement in denied]
        assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in conditions
        for statement in denied:
            assert statement["Principal"] == {"AWS": "*"}
            assert statement["Action"] == "s3:*"
            assert {spell(r) for r in statement["Resource"]} == {
                f"<{name}.Arn>",
                f"<{name}.Arn>/*",
            }


def test_objects_can_be_brought_back_and_do_not_pile_up(stack):
    for _, bucket in buckets(stack).values():
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
        superseded = rules["superseded"]
        assert superseded["Status"] == "Enabled"
        days = {"dev": 7, "prod": 90}[stack.environment.name]
        assert superseded["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
        assert superseded["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_the_lake_keeps_its_current_objects_for_good(stack):
    (rule,) = buckets(stack)["lake"][1]["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule


def test_captured_requests_end_and_models_do_not(stack):
    rules = buckets(stack)["artefacts"][1]["LifecycleConfiguration"]["Rules"]
    ended = [(r["Prefix"], r["ExpirationInDays"]) for r in rules if "ExpirationInDays" in r]
    assert ended == [("captured/", {"dev": 30, "prod": 400}[stack.environment.name])]


def test_lake_and_artefacts_are_encrypted_under_the_data_key(stack):
    for name in ("lake", "artefacts"):
        (rule,) = buckets(stack)[name][1]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["BucketKeyEnabled"] is True
        default = rule["ServerSideEncryptionByDefault"]
        assert default["SSEAlgorithm"] == "aws:kms"
        assert spell(default["KMSMasterKeyID"]) == key_of(stack, "data")


def test_who_read_or_wrote_is_recorded(stack):
    access, _ = buckets(stack)["access"]
    for name in ("lake", "artefacts"):
        assert buckets(stack)[name][1]["LoggingConfiguration"] == {
            "DestinationBucketName": {"Ref": access},
            "LogFilePrefix": f"{name}/",
        }


def test_in_production_what_holds_data_outlives_the_stack(stacks):
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::ECR::Repository", "AWS::Logs::LogGroup"):
        assert stacks["prod"].retention(kind) == {("Retain", "Retain")}
        assert stacks["dev"].retention(kind) == {("Delete", "Delete")}


def test_an_image_tag_means_one_image_and_images_are_scanned(stack):
    (registry,) = stack.found("AWS::ECR::Repository").values()
    assert registry["ImageTagMutability"] == "IMMUTABLE"
    assert registry["ImageScanningConfiguration"] == {"ScanOnPush": True}
    encryption = registry["EncryptionConfiguration"]
    assert encryption["EncryptionType"] == "KMS"
    assert spell(encryption["KmsKey"]) == key_of(stack, "data")


def test_logs_end_and_are_encrypted_under_the_log_key(stack):
    groups = list(stack.found("AWS::Logs::LogGroup").values())
    paths = {group["LogGroupName"] for group in groups}
    name = stack.environment.name
    assert {f"/overnight/{name}/{room}" for room in ("network", "spark", "scheduler")} < paths
    assert "/aws/sagemaker/Endpoints/demo" in paths
    for group in groups:
        assert group["RetentionInDays"] == {"dev": 30, "prod": 365}[name]
        assert spell(group["KmsKeyId"]) == key_of(stack, "logs")


def test_secrets_are_drawn_by_aws_and_encrypted(stack):
    secrets = list(stack.found("AWS::SecretsManager::Secret").values())
    assert {secret["Name"] for secret in secrets} == {
        f"{stack.environment.prefix}/airflow/{purpose}" for purpose in ("database", "fernet", "jwt")
    }
    for secret in secrets:
        assert "SecretString" not in secret
        assert secret["GenerateSecretString"]["PasswordLength"] == 48
        assert spell(secret["KmsKeyId"]) == key_of(stack, "data")
