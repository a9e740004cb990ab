"""Endpoints: fleets of real `serve` processes, traffic and its shift."""
