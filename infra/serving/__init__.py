"""The container: loads a bundle, answers /ping and /invocations."""
