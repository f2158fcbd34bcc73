"""HTTP server: a photograph in, the same photograph in color out, and a web page for doing so.

Started by `colorize-serve`, described in docs/serve.md. Needs the extra `serve`.
"""
