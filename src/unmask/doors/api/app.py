"""The routes: take a request apart, call the desk, put the answer together."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from unmask.doors.api.recorder import Recorder
from unmask.doors.api.schema import (
    DESCRIPTION,
    FILE_BODY,
    FILES_BODY,
    describe_problems,
    describe_responses,
)
from unmask.doors.api.uploads import receive_file, receive_files
from unmask.models.library import list_models
from unmask.service import wire
from unmask.service.desk import Desk
from unmask.service.problems import PROBLEM_TYPE, ProblemError, problem_of

Received = TypeVar("Received")

_PRIVATE = {"Cache-Control": "no-store"}


def build_app(desk: Desk, *, allow_origins: Sequence[str] = ()) -> FastAPI:
    """The web application around a desk, which it starts and closes.

    Args:
        desk: Answers.
        allow_origins: Web pages of these origins may ask too (CORS).
    """

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        await desk.start()
        try:
            yield
        finally:
            await desk.close()

    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title="Unmask",
        version=_version(),
        description=DESCRIPTION,
        lifespan=live,
        redirect_slashes=False,  # would answer with the host
        swagger_ui_parameters={"validatorUrl": None},  # would show the description to others
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.desk = desk
    app.include_router(_open)
    secured = [Security(HTTPBearer(auto_error=False))] if desk.keys.required else []
    app.include_router(_closed, dependencies=secured)
    app.add_exception_handler(ProblemError, _answer_problem)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    if allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(allow_origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "Location", "X-Request-ID"],
        )
    app.add_middleware(Recorder, metrics=desk.metrics)
    _describe_problem(app)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("unmask")


def _describe_problem(app: FastAPI) -> None:
    """Put the schema of a problem, which no route answers with success, among the components."""
    plain = app.openapi

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = plain()
            schemas = described.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = wire.Problem.model_json_schema()
        return plain()

    app.openapi = describe  # type: ignore[method-assign] # FastAPI's own way to extend it


def _find_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _identify(request: Request) -> str:
    """Whose key came with the request."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    presented = key.strip() if scheme.lower() == "bearer" else None
    return _find_desk(request).keys.identify(presented)


TheDesk = Annotated[Desk, Depends(_find_desk)]
Owner = Annotated[str, Depends(_identify)]

_open = APIRouter()
_closed = APIRouter(dependencies=[Depends(_identify)])


@_open.get("/", include_in_schema=False)
async def home() -> Response:
    """To the documentation."""
    return RedirectResponse("docs")


@_open.get(
    "/health",
    tags=["service"],
    summary="Whether the service lives",
    responses=describe_responses(wire.State, description="It does."),
)
async def health() -> Response:
    """Answers as long as the process does."""
    return JSONResponse({"status": "ok"})


@_open.get(
    "/ready",
    tags=["service"],
    summary="Whether the service takes requests",
    responses=describe_responses(wire.State, 503, description="It does."),
)
async def ready(desk: TheDesk) -> Response:
    """Answers 503 as soon as the service is told to stop."""
    desk.check_ready()
    return JSONResponse({"status": "ready"})


@_closed.get(
    "/metrics",
    tags=["service"],
    summary="Counters for Prometheus",
    responses={
        200: {"description": "In Prometheus's text format.", "content": {CONTENT_TYPE_LATEST: {}}},
        **describe_problems(401),
    },
    response_class=Response,
)
async def metrics(desk: TheDesk) -> Response:
    """Requests, files by verdict, batches, jobs, memory and processor time."""
    return Response(desk.metrics.render(), media_type=CONTENT_TYPE_LATEST)


@_closed.get(
    "/v1/models",
    tags=["detection"],
    summary="The models at hand",
    responses=describe_responses(wire.Models, 401, description="Their cards."),
)
async def models(desk: TheDesk) -> Response:
    """The model that answers, its policy, and the cards of all bundled ones."""
    detector = desk.detector
    cards = {folder.card.name: folder.card for folder in list_models()}
    cards[detector.card.name] = detector.card
    body = {
        "answering": detector.model_id.to_dict(),
        "policy": detector.policy.name,
        "threshold": detector.policy.threshold,
        "models": [card.model_dump(mode="json") for card in cards.values()],
    }
    return JSONResponse(body)


@_closed.post(
    "/v1/detect",
    tags=["detection"],
    summary="Ask about one picture or clip",
    responses=describe_responses(
        wire.Report, 400, 401, 408, 413, 415, 422, 429, 503, 504, description="The report."
    ),
    openapi_extra=FILE_BODY,
)
async def detect(request: Request, desk: TheDesk) -> Response:
    """The report has the fields that `unmask detect --format jsonl` writes.

    `no_face` is an answer; a file that cannot be answered is a problem.
    """
    with desk.admit():
        receiving = receive_file(request, desk.spool, desk.settings.max_bytes)
        with await _within(desk.settings.timeout_s, receiving) as upload:
            report = await _while_connected(request, desk.answer(upload))
    if report.error is not None:
        raise problem_of(report.error)
    return JSONResponse(report.to_dict(), headers=_PRIVATE)


@_closed.post(
    "/v1/batch",
    tags=["jobs"],
    summary="Ask about many pictures and clips",
    status_code=202,
    responses={
        202: {
            "model": wire.Job,
            "description": "The job; `Location` is where to ask about it.",
            "headers": {"Location": {"schema": {"type": "string"}}},
        },
        **describe_problems(400, 401, 408, 413, 415, 422, 429, 503),
    },
    openapi_extra=FILES_BODY,
)
async def batch(request: Request, desk: TheDesk, owner: Owner) -> Response:
    """The files are answered in turn with those of other jobs; ask `GET /v1/jobs/{id}`."""
    settings = desk.settings
    with desk.admit():
        desk.jobs.check_room()
        receiving = receive_files(request, desk.spool, settings.job_files, settings.spool_bytes)
        uploads = await _within(settings.timeout_s, receiving)
        try:
            job = desk.jobs.add(uploads, owner)
        except ProblemError:
            for upload in uploads:
                upload.delete()
            raise
    headers = {"Location": f"/v1/jobs/{job.id}", **_PRIVATE}
    return JSONResponse(job.to_dict(), 202, headers=headers)


@_closed.get(
    "/v1/jobs/{job_id}",
    tags=["jobs"],
    summary="How far a job is",
    responses=describe_responses(wire.Job, 401, 404, description="The job."),
)
async def show_job(job_id: str, desk: TheDesk, owner: Owner) -> Response:
    """`answered` of `files` are done."""
    return JSONResponse(desk.jobs.find(job_id, owner).to_dict(), headers=_PRIVATE)


@_closed.get(
    "/v1/jobs/{job_id}/results",
    tags=["jobs"],
    summary="The reports of a job",
    responses=describe_responses(wire.Results, 401, 404, 409, description="In order of the files."),
)
async def show_results(job_id: str, desk: TheDesk, owner: Owner) -> Response:
    """A file that could not be answered has its report too, with the verdict `error`."""
    return JSONResponse(desk.jobs.find(job_id, owner).results(), headers=_PRIVATE)


@_closed.delete(
    "/v1/jobs/{job_id}",
    tags=["jobs"],
    summary="Cancel a job, or forget its results",
    status_code=204,
    responses={204: {"description": "It is gone."}, **describe_problems(401, 404)},
    response_class=Response,
)
async def delete_job(job_id: str, desk: TheDesk, owner: Owner) -> Response:
    """Stops what is under way and deletes files and results."""
    desk.jobs.delete(desk.jobs.find(job_id, owner))
    return Response(status_code=204)


async def _within(seconds: float, receiving: Awaitable[Received]) -> Received:
    try:
        async with asyncio.timeout(seconds):
            return await receiving
    except TimeoutError as error:
        detail = f"the request did not arrive within {seconds:g} s; send it faster, or less"
        raise ProblemError(408, "slow", detail) from error


async def _while_connected(request: Request, answering: Awaitable[Received]) -> Received:
    """Wait for an answer, but stop the work where the client goes away."""
    work = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_wait_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ClientDisconnect
        return work.result()
    finally:
        work.cancel()
        gone.cancel()


async def _wait_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _send_problem(problem: ProblemError) -> Response:
    return JSONResponse(
        problem.body(), problem.status, headers=problem.headers, media_type=PROBLEM_TYPE
    )


async def _answer_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _send_problem(error)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    detail = "there is no such address, or it does not take this method; see /docs"
    headers = dict(error.headers or {})
    route = getattr(request.scope.get("route"), "path", None)
    if documented := request.app.openapi()["paths"].get(route):
        headers["Allow"] = ", ".join(sorted(method.upper() for method in documented))
    return _send_problem(ProblemError(error.status_code, "http", detail, headers=headers))


async def _answer_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = ", ".join(".".join(map(str, part["loc"])) for part in error.errors())
    detail = f"these parts of the request are not as they should be: {places}; see /docs"
    return _send_problem(ProblemError(422, "invalid", detail))
