"""A seeded simulator of card transactions, their frauds and the delays of both."""
