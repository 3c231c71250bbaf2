"""The service over HTTP: routes, tokens, limits, time-outs, logs of requests, and the server."""
