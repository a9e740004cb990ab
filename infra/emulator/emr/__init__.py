"""EMR Serverless on the loopback address: jobs run by `spark-submit` on this machine."""
