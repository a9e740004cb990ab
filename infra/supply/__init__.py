"""Packages of others: which are locked, under which licences, with which vulnerabilities."""
