"""The description of the server for clients: OpenAPI 3.1, of which schemas are JSON Schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from routenas.serving.requests import CODES, Limits
from routenas.version import __version__


def openapi(limits: Limits) -> dict[str, Any]:
    """The document, as JSON."""
    score = (files("routenas") / "schemas" / "score-1.json").read_text(encoding="utf-8")
    score = score.replace('"#/$defs/', '"#/components/schemas/Score/$defs/')  # references are from the document's root
    schemas = {"Score": json.loads(score), "Request": _request(), "Refusal": _refusal()}
    plain = {"application/json": {"schema": {"type": "object"}}}
    refusals = {}
    for status in sorted({status for status, _, _ in CODES.values()} - {404, 405}):
        meaning = "; ".join(f"{code}: {text}" for code, (own, _, text) in CODES.items() if own == status)
        refusals[str(status)] = {"description": meaning, "content": _content("Refusal")}
    seconds = {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer", "minimum": 1}}
    refusals["503"]["headers"] = {"Retry-After": seconds}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "routenas",
            "version": __version__,
            "description": "Scores placements below the folder that the server was started with. A request has at most "
            f"{limits.request_bytes} bytes and names at most {limits.file_bytes} bytes of files; it is answered within "
            f"{limits.answer_seconds:g} s. A connection takes one request.",
        },
        "paths": {
            "/score": {
                "post": {
                    "operationId": "score",
                    "summary": "Score a placed layout.",
                    "requestBody": {"required": True, "content": _content("Request")},
                    "responses": {"200": {"description": "The score.", "content": _content("Score")}, **refusals},
                }
            },
            "/health": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether the server is there, its models, and how many requests wait.",
                    "responses": {"200": {"description": "It is.", "content": plain}},
                }
            },
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This document.",
                    "responses": {"200": {"description": "OpenAPI 3.1.", "content": plain}},
                }
            },
        },
        "components": {"schemas": schemas},
    }


def _content(schema: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _request() -> dict[str, Any]:
    paths = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return {
        "type": "object",
        "description": "A layout. Paths are below the root, without '..' or a leading '/'.",
        "required": ["lef", "def"],
        "additionalProperties": False,
        "properties": {
            "lef": {**paths, "minItems": 1, "description": "Technology and cell LEF."},
            "def": {"type": "string", "minLength": 1, "description": "The placed DEF, plain or gzip."},
            "liberty": {**paths, "description": "Liberty, for a model that was trained with such."},
            "routing_layers": {"type": "string", "description": "Layers that signals may use, as metal2-metal3."},
            "name": {"type": "string", "description": "Name of the design in the answer [that in the DEF]."},
        },
    }


def _refusal() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "exit_code", "text"],
        "properties": {
            "code": {"enum": list(CODES)},
            "exit_code": {"type": "integer", "description": "What 'routenas score' would end with."},
            "text": {"type": "string", "description": "One line for people."},
        },
    }
