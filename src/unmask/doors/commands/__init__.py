"""One command per file: parse, call one verb, print."""
