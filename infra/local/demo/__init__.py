"""The demo: `ttl-archive demo`. Its items, its story, and how it is shown."""
