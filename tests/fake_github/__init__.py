"""A small GitHub on a unix socket: a real model of pull requests behind a real GraphQL executor."""
