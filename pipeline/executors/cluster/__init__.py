"""The executor for many machines: workers placed by an engine such as Ray, led by one driver."""
