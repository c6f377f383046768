"""One test run of a pull request at a time on the machine."""
