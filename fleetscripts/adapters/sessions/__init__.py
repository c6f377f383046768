"""What clients write of themselves: registry, transcripts, hook events."""
