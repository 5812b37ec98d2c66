"""The application in this process, where a test has to reach into it."""

import asyncio
from contextlib import nullcontext
from typing import Any

import httpx
from fastapi import FastAPI


def ask(
    app: FastAPI,
    *requests: tuple[str, str],
    body: dict[str, Any] | None = None,
    started: bool = True,
) -> list[httpx.Response]:
    """Call these methods and paths, within the application's lifespan or outside."""

    sent = body or {"inputs": "a"}

    async def main() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        lifespan = app.router.lifespan_context(app) if started else nullcontext()
        async with lifespan, httpx.AsyncClient(transport=transport, base_url="http://a") as client:
            return [
                await client.request(method, path, json=sent if method == "POST" else None)
                for method, path in requests
            ]

    return asyncio.run(main())
