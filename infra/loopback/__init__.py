"""The check of Host and Origin that every server of this machine makes before it answers."""
