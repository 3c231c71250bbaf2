"""The OpenAPI schema of the routes: bodies, answers and problems."""

from typing import Any

from pydantic.json_schema import models_json_schema

from serving.problems import MEDIA_TYPE
from serving.schemas import ProblemDocument, SwapRequest, SymbolAnswer, SymbolAnswers, SymbolRequest, SymbolsRequest

MODELS = (SymbolRequest, SymbolsRequest, SymbolAnswer, SymbolAnswers, SwapRequest, ProblemDocument)
JSON = "application/json"
MEANINGS = {
    400: "The body is no strict JSON.",
    401: "There is no token, or another one.",
    403: "The token is not the administrator's.",
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    421: "The Host is no name of this machine.",
    422: "The request is not acceptable.",
    500: "The service failed.",
    503: "Too many requests at once, or the log cannot be written; repeat the request after Retry-After seconds.",
}


def _reference(*models: type[Any]) -> dict[str, Any]:
    references = [{"$ref": f"#/components/schemas/{model.__name__}"} for model in models]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {MEDIA_TYPE: {"schema": _reference(ProblemDocument)}}
    return {status: {"description": MEANINGS[status], "content": content} for status in (*statuses, 421, 500)}


def _body(*models: type[Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {JSON: {"schema": _reference(*models)}}}}


PROBLEMS = {"model": _problems(401), "ready": _problems(503), "metrics": _problems(401), "health": _problems()}
ANSWERED = {"description": "The decisions.", "content": {JSON: {"schema": _reference(SymbolAnswer, SymbolAnswers)}}}
PREDICT_ROUTE: dict[str, Any] = {
    "responses": {200: ANSWERED, **_problems(400, 401, 408, 413, 415, 422, 503)},
    "openapi_extra": _body(SymbolRequest, SymbolsRequest),
}
MODEL_ROUTE: dict[str, Any] = {
    "responses": _problems(400, 401, 403, 408, 413, 415, 422),
    "openapi_extra": _body(SwapRequest),
}
PUBLIC = ("/health", "/ready")
"""Paths that never need a token."""


def with_bodies(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the models that the routes name, and the way in which tokens are sent."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template="#/components/schemas/{model}"
    )
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {}).update(definitions["$defs"])
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in schema["paths"].items():
        for operation in methods.values():
            if path not in PUBLIC:
                operation["security"] = [{"token": []}, {}]
    return schema
