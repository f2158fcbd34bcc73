"""A server: photographs in over HTTP, the same in color out, and a page to do it by hand.

`colorize-serve` starts it; docs/serve.md describes it. Needs the extra `serve`.
"""
