"""An HTTP service that publishes, with FastAPI and asyncio: for programs without an AMOP client.

::

    pip install fastapi uvicorn
    python examples/python/web.py --node 127.0.0.1:20200 --port 8000

    curl -d apple localhost:8000/topics/price/request       # sends to one subscriber and returns its reply
    curl -d rain localhost:8000/topics/news/broadcast       # sends to all subscribers
    curl localhost:8000/health                              # 503 if no node is connected

One client serves all HTTP requests, and is closed when the service stops. The service starts even if no node can be
reached: requests fail with status 503 until one is connected.
"""

from __future__ import annotations

import argparse
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

import amop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

# The HTTP status of an error, by its kind. Others are 502, Bad Gateway.
STATUS = {
    amop.ErrorKind.INVALID_TOPIC: 400,
    amop.ErrorKind.TOO_LARGE: 413,
    amop.ErrorKind.NO_SUBSCRIBER: 404,
    amop.ErrorKind.TIMEOUT: 504,
    amop.ErrorKind.NODE_TIMEOUT: 504,
    amop.ErrorKind.SUBSCRIBER_TOO_SLOW: 504,
    amop.ErrorKind.OVERLOADED: 503,
    amop.ErrorKind.NOT_CONNECTED: 503,
    amop.ErrorKind.CLOSED: 503,
    amop.ErrorKind.SUBSCRIBER_BUSY: 503,
}


def create(endpoint: str) -> FastAPI:
    """Create the application."""

    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncGenerator[None]:
        async with amop.aio.connect(endpoint, start_offline=True) as client:
            app.state.client = client
            yield

    app = FastAPI(title="AMOP", lifespan=connected)

    @app.exception_handler(amop.Error)
    async def explain(_request: Request, error: amop.Error) -> JSONResponse:
        # A caller that gets `maybe` should send the same again only if a duplicate does no harm.
        delivered = "no" if error.delivery is amop.Delivery.NO else "maybe"
        content = {"error": error.kind.name, "text": str(error), "delivered": delivered}
        return JSONResponse(content, STATUS.get(error.kind, 502))

    @app.post("/topics/{topic}/request")
    async def request(topic: str, request: Request) -> Response:
        client: amop.aio.Client = app.state.client
        reply = await client.publish(topic, await request.body())
        return Response(reply.data, media_type="application/octet-stream")

    @app.post("/topics/{topic}/broadcast", status_code=202)
    async def broadcast(topic: str, request: Request) -> Response:
        client: amop.aio.Client = app.state.client
        await client.broadcast(topic, await request.body())
        return Response(status_code=202)

    @app.get("/health")
    async def health() -> JSONResponse:
        client: amop.aio.Client = app.state.client
        up = [state.endpoint for state in client.stats().endpoints if state.connected]
        return JSONResponse({"nodes": up}, 200 if up else 503)

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Publishes messages that arrive by HTTP.")
    parser.add_argument(
        "--node", default="127.0.0.1:20200", help="The node to connect to [default: %(default)s]"
    )
    parser.add_argument("--port", type=int, default=8000, help="The port to listen on [default: %(default)s]")
    arguments = parser.parse_args()
    uvicorn.run(create(arguments.node), port=arguments.port, access_log=False)


if __name__ == "__main__":
    main()
