"""The page's web application."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import unquote

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from controlplane import edge
from controlplane.page import ASSETS
from controlplane.page.desk import Desk, Picture, RefusedError
from controlplane.page.guard import FILE_POLICY
from controlplane.page.source import Source, SourceError, State

TICK_SECONDS = 0.1
"""How soon a change is told."""

KEEP_ALIVE_SECONDS = 15.0


def application(source: Source, desk: Desk | None) -> Starlette:
    """The page of `source`; without a `desk` it can only be looked at."""
    page = _Page(source, desk)
    routes = [
        Route("/", page.index),
        Route("/events", page.events),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    if desk is not None:
        routes += [
            Route("/uploads/{path:path}", page.put, methods=["PUT"]),
            Route("/uploads/{number:int}/small", page.small_upload),
            Route("/uploads/{number:int}/{variant}", page.lines),
            Route("/uploads/{number:int}/{variant}/{index:int}/small", page.small_result),
            Route("/uploads/{number:int}/{variant}/{index:int}", page.whole_result),
            Route("/results/{path:path}", page.result_at_the_edge),
        ]
    return Starlette(routes=routes, exception_handlers={RefusedError: _refused})


def _refused(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=422)


class _Page:
    """The endpoints."""

    def __init__(self, source: Source, desk: Desk | None) -> None:
        self._source = source
        self._desk = desk
        self._watch = _Watch(source)
        environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True)
        self._template = environment.get_template("page.html")

    async def index(self, _request: Request) -> Response:
        """The page itself; all that moves comes by `events`."""
        text = self._template.render(machine=self._source.machine, desk=self._desk)
        return Response(text, media_type="text/html")

    async def events(self, _request: Request) -> Response:
        """All that is known, and then whatever is new, as server-sent events."""
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        change, state_change, quiet = -1, -1, 0.0
        with self._watch as watch:
            while True:
                news: dict[str, Any] = {}
                if watch.change != state_change:
                    state_change = watch.change
                    news |= {"state": asdict(watch.state)}
                if self._desk is not None and (told := self._desk.journal.news(change)) is not None:
                    change = told["change"]
                    news |= told
                if news:
                    yield f"data: {json.dumps(news)}\n\n"
                    quiet = 0.0
                elif quiet >= KEEP_ALIVE_SECONDS:
                    yield ": still here\n\n"
                    quiet = 0.0
                await asyncio.sleep(TICK_SECONDS)
                quiet += TICK_SECONDS

    async def put(self, request: Request) -> Response:
        """Take a file into the bucket."""
        desk = self._here()
        path = unquote(request.scope["raw_path"].decode("ascii").partition("/uploads/")[2], errors="strict")
        length = _length(request, desk.most_bytes)
        with tempfile.TemporaryFile() as file:
            async for piece in request.stream():
                file.write(piece)
            if file.tell() != length:
                raise HTTPException(400, "The upload ended early.")
            file.seek(0)
            await run_in_threadpool(desk.put, path, file)
        return Response(status_code=201)

    async def lines(self, request: Request) -> Response:
        """What a function wrote of an upload."""
        upload = self._here().journal.upload(request.path_params["number"])
        return JSONResponse(list(upload.lines.get(request.path_params["variant"], ())) if upload else [])

    async def small_upload(self, request: Request) -> Response:
        """A small picture of an upload."""
        upload = self._here().journal.upload(request.path_params["number"])
        return await _shown(self._here().small, upload.key if upload else None, of_upload=True)

    async def small_result(self, request: Request) -> Response:
        """A small picture of a result."""
        return await _shown(self._here().small, self._result(request), of_upload=False)

    async def whole_result(self, request: Request) -> Response:
        """A result as it lies in the bucket."""
        return await _shown(self._here().whole, self._result(request), of_upload=False)

    async def result_at_the_edge(self, request: Request) -> Response:
        """A result by its key, in the best format that the browser takes, as the edge of a stack answers."""
        path = request.scope["raw_path"].decode("ascii").removeprefix("/results")
        answer = edge.answered(path, request.headers.get("accept"), self._here().beside)
        if answer is None:
            raise HTTPException(404, "There is no such result.")
        shown = await _shown(self._here().whole, unquote(answer.removeprefix("/")), of_upload=False)
        if shown.status_code == HTTPStatus.NO_CONTENT:
            raise HTTPException(404, "There is no such result.")
        shown.headers["Vary"] = "Accept"
        return shown

    def _here(self) -> Desk:
        assert self._desk is not None  # noqa: S101 - without one there are no such routes
        return self._desk

    def _result(self, request: Request) -> str | None:
        """Its key; None where another upload has taken the place of its own."""
        upload = self._here().journal.upload(request.path_params["number"])
        told = upload.told.get(request.path_params["variant"]) if upload else None
        index: int = request.path_params["index"]
        return told.results[index].key if told and index < len(told.results) else None


class _Watch:
    """Asks the source how the machine is, for as long as anybody looks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._viewers = 0
        self._task: asyncio.Task[None] | None = None
        self.state = State()
        self.change = 0
        """Rises whenever the state changes."""

    def __enter__(self) -> Self:
        self._viewers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._ask())
        return self

    def __exit__(self, *_: object) -> None:
        self._viewers -= 1
        if not self._viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ask(self) -> None:
        while True:
            try:
                state = await run_in_threadpool(self._source.look)
            except SourceError as error:
                state = replace(self.state, problems=(str(error),))
            if state != self.state:
                self.state = state
                self.change += 1
            await asyncio.sleep(self._source.pause)


def _length(request: Request, most: int) -> int:
    """What the request says of its body's length."""
    said = request.headers.get("content-length", "")
    if not said.isdecimal():
        raise HTTPException(411, "The request does not say how long the file is.")
    if int(said) > most:
        raise HTTPException(413, f"The page takes files up to {most:,} bytes: put a larger one into the bucket itself.")
    return int(said)


async def _shown(show: Callable[..., Picture], key: str | None, *, of_upload: bool) -> Response:
    """Whatever is in it, the browser takes it for a picture and nothing else. Nothing, where there is no picture."""
    if key is None:
        return Response(status_code=204)
    try:
        picture = await run_in_threadpool(show, key, of_upload=of_upload)
    except RefusedError:
        return Response(status_code=204)
    headers = {"Content-Security-Policy": FILE_POLICY}
    return Response(picture.data, media_type=picture.content_type, headers=headers)
