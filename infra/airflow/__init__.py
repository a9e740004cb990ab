"""Airflow on one machine."""
