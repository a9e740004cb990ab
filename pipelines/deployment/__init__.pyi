from .deploy import (
    deploy_approved,
    finalise_deployment,
    plan_approved,
    roll_out_approved,
    verify_deployed,
)
from .rehearsal import rehearse_rollout
from .releases import endpoint_configuration
from .rollback import roll_back
from .score_batch import score_day
from .score_endpoint import score_transactions
from .variants import begin_ab_test, begin_shadow, end_variant

__all__ = [
    "begin_ab_test",
    "begin_shadow",
    "deploy_approved",
    "end_variant",
    "endpoint_configuration",
    "finalise_deployment",
    "plan_approved",
    "rehearse_rollout",
    "roll_back",
    "roll_out_approved",
    "score_day",
    "score_transactions",
    "verify_deployed",
]
