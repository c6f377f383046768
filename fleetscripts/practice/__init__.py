"""The practice agent and the scripted model: what the demo and the tests run on."""
