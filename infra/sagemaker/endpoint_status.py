"""Statuses of an endpoint, by SageMaker's names."""

IN_SERVICE = "InService"
UPDATING = "Updating"
FAILED = "Failed"
# A change goes on, and SageMaker refuses another.
BUSY = ("Creating", UPDATING, "SystemUpdating", "RollingBack", "Deleting")
