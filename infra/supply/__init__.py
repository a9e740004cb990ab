"""What the house takes from others: which packages, under which licences, with which holes."""
