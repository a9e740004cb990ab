"""Infrastructure: serving container, SageMaker control plane, local services, the AWS stack."""
