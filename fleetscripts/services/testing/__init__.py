"""One test run at a time on the machine."""
