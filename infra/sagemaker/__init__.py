"""The control plane: puts bundles behind endpoints and asks them for scores."""
