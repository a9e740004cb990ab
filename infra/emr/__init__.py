"""EMR Serverless: a Spark job started, found again, followed and cancelled."""
