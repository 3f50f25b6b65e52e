"""The service without its web: settings, uploads, admission, jobs, metrics, logs; the client."""
