"""This machine as a host: what its central, from where the fleet is supervised, tells it and is told."""
