"""SageMaker: deployment of bundles to endpoints, and requests for scores."""
