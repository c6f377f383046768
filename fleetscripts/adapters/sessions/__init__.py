"""The clients' own files: registry, transcripts, hook events."""
