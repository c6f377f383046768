"""Our own files: state, journal, logs, ledger, locks."""
