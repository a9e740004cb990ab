"""The steps at an endpoint."""

import logging

from pipelines.steps.error_translation import translate_errors

log = logging.getLogger(__name__)


@translate_errors
def plan(spec: str, version: str = "") -> str:
    """Show what a deployment of the approved version would change, and change nothing.

    Model, features, thresholds, endpoint configuration, machines, traffic, alarms, and the IAM
    actions that it needs. VERSION is the one expected to be approved; without it, whichever is.
    """
    from pipelines.config import read_optional
    from pipelines.deployment import plan_approved

    return plan_approved(spec, version=read_optional(version))


@translate_errors
def roll_out(spec: str, version: str = "", dry_run: str = "") -> str:
    """Move the endpoint to the approved version, watched by alarms, and wait until it is done.

    VERSION is the one expected to be approved; without it, whichever is. DRY_RUN is yes to stop
    before anything is changed. Returns the model version, or `nothing`. Moves no alias.
    """
    from pipelines.config import read_optional, write_optional
    from pipelines.deployment import roll_out_approved

    # Airflow writes the choice of its form as True or False.
    is_dry_run = dry_run.lower() in {"yes", "true"}
    expected = read_optional(version)
    return write_optional(roll_out_approved(spec, version=expected, is_dry_run=is_dry_run))


@translate_errors
def verify(spec: str, version: str) -> str:
    """Find out what the endpoint serves: live configuration, model digest, golden vectors.

    Returns PROMOTED, ROLLED_BACK or DIVERGED with the live configuration and the reason. A model
    that answers otherwise than in training is replaced by the champion at once.
    """
    from pipelines.config import read_optional, write_optional
    from pipelines.deployment import verify_deployed

    deployed = read_optional(version)
    return write_optional(None if deployed is None else verify_deployed(spec, deployed))


@translate_errors
def finalise(spec: str, version: str, outcome: str) -> str:
    """Record the outcome of a deployment in the decision log; PROMOTED moves `champion`.

    OUTCOME is what `verify` returned. Stops with the reason when it is not PROMOTED.
    """
    from pipelines.config import DeploymentOutcome, read_optional, write_optional
    from pipelines.deployment import finalise_deployment

    deployed, found = read_optional(version), read_optional(outcome)
    if deployed is None or found is None:
        log.info("Nothing to do: nothing was deployed")
        return write_optional(None)
    return str(finalise_deployment(spec, deployed, DeploymentOutcome.parse(found)))


@translate_errors
def deploy(spec: str, version: str = "") -> str:
    """Deploy the approved version, verify what serves, and move the alias `champion`.

    The steps roll-out, verify and finalise in one. VERSION is the one expected to be approved;
    without it, whichever is. Returns the endpoint and the version, `endpoints:/demo/7`. Does
    nothing when the approved version serves already, or none is approved.
    """
    from pipelines.config import read_optional, write_optional
    from pipelines.deployment import deploy_approved

    return write_optional(deploy_approved(spec, version=read_optional(version)))


@translate_errors
def rollback(spec: str, because: str = "") -> str:
    """Put the champion before this one back: endpoint, thresholds and aliases together."""
    from pipelines.deployment import roll_back

    return str(roll_back(spec, because=because))


@translate_errors
def shadow(spec: str, version: str, percent: str = "100") -> str:
    """Let a registered version answer copies of the traffic; its answers reach nobody.

    VERSION is a number or an alias, PERCENT the share of requests that is copied. The gate must
    have accepted it. Ends with `end`, a deployment of another version or a rollback.
    """
    from pipelines.deployment import begin_shadow

    return str(begin_shadow(spec, version, percent=percent))


@translate_errors
def split(spec: str, version: str, because: str, percent: str = "10", override: str = "") -> str:
    """Let a version answer a share of the traffic beside the champion: an A/B test.

    As its answers decide, the rules and the record are those of `approve`; PERCENT is below 100,
    and OVERRIDE says why a refusal of the gate is set aside.
    A customer stays with one of the two. Ends as `shadow` does.
    """
    from pipelines.deployment import begin_ab_test

    placed = begin_ab_test(spec, version, because=because, percent=percent, override=override)
    return str(placed)


@translate_errors
def end(spec: str) -> str:
    """End a shadow or a split: the champion alone serves again."""
    from pipelines.deployment import end_variant

    return str(end_variant(spec))


@translate_errors
def rehearse(spec: str, version: str, traffic: str = "") -> str:
    """Try a rollout on an embedded SageMaker of one's own, with replayed rows; touches no endpoint.

    VERSION is a number or an alias, TRAFFIC a file of captured requests; without it, the newest
    rows of the lake are sent. Returns alert volume, changed decisions, latency, and the alarms that
    rang.
    """
    from pipelines.deployment import rehearse_rollout

    return rehearse_rollout(spec, version, traffic=traffic)


@translate_errors
def disagreements(spec: str, since: str = "", until: str = "") -> str:
    """Compare the captured answers of the shadow, or of the split, with the champion's.

    FROM and TO are days of the requests, half-open; without them, all that was captured.
    """
    from pipelines.monitoring import describe_disagreements

    return describe_disagreements(spec, since=since, until=until)


@translate_errors
def score(spec: str, transactions: str = "") -> str:
    """Send stored feature rows to the endpoint and show scores, decisions and reasons.

    TRANSACTIONS are ids; without them, the newest five of the lake.
    """
    from pipelines.deployment import score_transactions

    return score_transactions(spec, transactions)


@translate_errors
def score_batch(spec: str, day: str, version: str = "champion") -> str:
    """Score every transaction of a day with a version's bundle, into the table `scores`.

    DAY is an event day, 2018-08-08; VERSION a number or an alias. The scores are those that the
    endpoint and training compute, bit by bit. Returns the version of the table.
    """
    from pipelines.deployment import score_day

    return str(score_day(spec, day, version=version))
