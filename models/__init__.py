"""Models of container clusters, on the simulator of package ``sim``."""
