"""The main job on a stage of its own."""
