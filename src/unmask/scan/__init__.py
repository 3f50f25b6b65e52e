"""Many files: answered by several processes or machines, resumable, each input exactly once."""
