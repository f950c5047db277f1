"""A transport over asyncio and llhttp: HTTP/1.1 with the hygiene the fault catalogue asks for.

httpx's own transport takes a stray second response for the next one, loses pool slots to cancellation and costs several
times the CPU; docs/transports.md has the figures. This one does less: no HTTP/2, no SOCKS, no redirects, no cookies.
"""
