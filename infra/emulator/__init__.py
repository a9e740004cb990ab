"""SageMaker on the loopback address: its protocol, real processes, moto for the rest of AWS."""
