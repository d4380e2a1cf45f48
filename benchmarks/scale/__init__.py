"""Growth: memory by the length of a video, throughput by the size of a cluster."""
