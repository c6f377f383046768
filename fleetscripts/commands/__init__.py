"""One module per entry point: parse the arguments, call a service, print the answer."""
