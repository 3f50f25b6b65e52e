"""The command line, the service and the page: parse, call one verb, print."""
