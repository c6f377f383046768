"""This machine as a host of a central, the machine from which the fleet is supervised."""
