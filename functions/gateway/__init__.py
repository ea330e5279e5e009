"""HTTP as Lambda sees it: events become a `Request`, answers a `Response` or a stream of server-sent events."""
