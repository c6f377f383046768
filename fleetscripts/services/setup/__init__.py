"""The product's requirements on a machine, and its installation and removal."""
