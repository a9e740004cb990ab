"""The steps at an endpoint."""

from pipelines.steps.error_translation import told


@told
def plan(spec: str, version: str = "") -> str:
    """Show what a deployment of the approved version would change, and change nothing.

    Model, features, thresholds, endpoint configuration, machines, traffic, alarms, and the IAM
    actions that it needs. VERSION is the one expected to be approved; without it, whichever is.
    """
    from pipelines.deployment import plan_approved

    return plan_approved(spec, version=version)


@told
def roll_out(spec: str, version: str = "", dry_run: str = "") -> str:
    """Move the endpoint to the approved version, watched by alarms, and wait until it is settled.

    VERSION is the one expected to be approved; without it, whichever is. DRY_RUN is yes to stop
    before anything is changed. Returns the model version, or `nothing`. Moves no alias.
    """
    from pipelines.deployment import roll_out_approved

    return roll_out_approved(spec, version=version, dry_run=dry_run)


@told
def verify(spec: str, version: str) -> str:
    """Find out what the endpoint serves: live configuration, model digest, golden vectors.

    Returns PROMOTED, ROLLED_BACK or DIVERGED with the live configuration and the reason. A model
    that answers otherwise than in training is replaced by the champion at once.
    """
    from pipelines.deployment import verify_deployed

    return verify_deployed(spec, version)


@told
def settle(spec: str, version: str, outcome: str) -> str:
    """Write what became of a deployment into the decision chain; PROMOTED moves `champion`.

    OUTCOME is what `verify` returned. Stops with the reason when it is not PROMOTED.
    """
    from pipelines.deployment import settle_deployment

    return settle_deployment(spec, version, outcome)


@told
def deploy(spec: str, version: str = "") -> str:
    """Deploy the approved version, verify what serves, and move the alias `champion`.

    The steps roll-out, verify and settle in one. VERSION is the one expected to be approved;
    without it, whichever is. Returns the endpoint and the version, `endpoints:/demo/7`. Does
    nothing when the approved version serves already, or none is approved.
    """
    from pipelines.deployment import deploy_approved

    return deploy_approved(spec, version=version)


@told
def rollback(spec: str, because: str = "") -> str:
    """Put the champion before this one back: endpoint, thresholds and aliases together."""
    from pipelines.deployment import roll_back

    return roll_back(spec, because=because)


@told
def shadow(spec: str, version: str, percent: str = "100") -> str:
    """Let a registered version answer copies of the traffic; its answers reach nobody.

    VERSION is a number or an alias, PERCENT the share of requests that is copied. The gate must
    have accepted it. Ends with `end`, a deployment of another version or a rollback.
    """
    from pipelines.deployment import begin_shadow

    return begin_shadow(spec, version, percent=percent)


@told
def split(spec: str, version: str, because: str, percent: str = "10", override: str = "") -> str:
    """Let a version answer a share of the traffic beside the champion: an A/B test.

    As its answers decide, the rules and the record are those of `approve`; PERCENT is below 100,
    and OVERRIDE says why a refusal of the gate is set aside.
    A customer stays with one of the two. Ends as `shadow` does.
    """
    from pipelines.deployment import begin_split

    return begin_split(spec, version, because=because, percent=percent, override=override)


@told
def end(spec: str) -> str:
    """End a shadow or a split: the champion alone serves again."""
    from pipelines.deployment import end_companion

    return end_companion(spec)


@told
def rehearse(spec: str, version: str, traffic: str = "") -> str:
    """Try a rollout on an embedded SageMaker of one's own, with replayed rows; touches no endpoint.

    VERSION is a number or an alias, TRAFFIC a file of captured requests; without it, the newest
    rows of the lake are sent. Returns alert volume, changed decisions, latency, and the alarms that
    rang.
    """
    from pipelines.deployment import rehearse_rollout

    return rehearse_rollout(spec, version, traffic=traffic)


@told
def disagreements(spec: str, since: str = "", until: str = "") -> str:
    """Compare the captured answers of the shadow, or of the split, with the champion's.

    FROM and TO are days of the requests, half-open; without them, all that was captured.
    """
    from pipelines.monitoring import describe_disagreements

    return describe_disagreements(spec, since=since, until=until)


@told
def score(spec: str, transactions: str = "") -> str:
    """Send stored feature rows to the endpoint and show scores, decisions and reasons.

    TRANSACTIONS are ids; without them, the newest five of the lake.
    """
    from pipelines.deployment import score_transactions

    return score_transactions(spec, transactions)


@told
def score_batch(spec: str, day: str, version: str = "champion") -> str:
    """Score every transaction of a day with a version's bundle, into the table `scores`.

    DAY is an event day, 2018-08-08; VERSION a number or an alias. The scores are those that the
    endpoint and training compute, bit by bit. Returns the version of the table.
    """
    from pipelines.deployment import score_day

    return score_day(spec, day, version=version)
