"""What is carried elsewhere: the wheel, and the Python environment of Spark's workers."""
