"""The service's web: routes, uploads, problems, logs of requests."""
