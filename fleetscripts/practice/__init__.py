"""The practice agent and the scripted model, for the demo and the tests."""
