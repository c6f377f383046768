"""The demo: the main workflow, on a stage of its own."""
