"""What an installation uses in a month, and what that costs."""
