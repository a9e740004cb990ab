"""EMR Serverless on the loopback address: jobs run for real, by `spark-submit` on this machine."""
