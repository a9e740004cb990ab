"""Where it runs: the container, the control plane, the embedded services, their processes."""
