"""Why an answer came out as it did, how far it can be trusted, and where a file says it is from."""
