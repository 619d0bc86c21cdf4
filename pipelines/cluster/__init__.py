"""Build, check and deploy the platform on a cluster."""
