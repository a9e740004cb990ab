"""The review packet: one page for a person who has ten minutes to decide on a candidate."""

from pipelines.packet.publishing import publish_packet

__all__ = ["publish_packet"]
