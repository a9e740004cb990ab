from .deploy import (
    deploy_approved,
    plan_approved,
    roll_out_approved,
    settle_deployment,
    verify_deployed,
)
from .rehearsal import rehearse_rollout
from .releases import laid_out
from .rollback import roll_back
from .score_batch import score_day
from .score_endpoint import score_transactions
from .variants import begin_shadow, begin_split, end_companion

__all__ = [
    "begin_shadow",
    "begin_split",
    "deploy_approved",
    "end_companion",
    "laid_out",
    "plan_approved",
    "rehearse_rollout",
    "roll_back",
    "roll_out_approved",
    "score_day",
    "score_transactions",
    "settle_deployment",
    "verify_deployed",
]
