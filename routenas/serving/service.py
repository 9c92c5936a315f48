"""``Service``: one model, one thread that scores, and a bounded row of requests that wait for it."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from routenas.scoring import Scorer
from routenas.serving.requests import Limits, RefusedError, Request
from routenas.version import __version__


class Service:
    """Answers requests for layouts below ``root``, one at a time, in the order they came.

    A score that has begun cannot be stopped: after its time is up the client is told so, and the next one waits.
    Raises ``OSError`` for a root that is not there.
    """

    def __init__(self, scorer: Scorer, root: Path, limits: Limits, threads: int = 1) -> None:
        import torch

        self.scorer, self.limits = scorer, limits
        self.root = Path(os.path.realpath(root, strict=True))
        # Threads of torch are a matter of the thread that computes.
        self._pool = ThreadPoolExecutor(1, "score", initializer=torch.set_num_threads, initargs=(threads,))
        self._jobs: list[Future[bytes]] = []
        self._seconds = 1.0

    @property
    def waiting(self) -> int:
        """Number of requests that are being scored or wait for it."""
        self._jobs = [job for job in self._jobs if not job.done()]
        return len(self._jobs)

    def health(self) -> dict[str, Any]:
        """What the server is and how busy."""
        return {
            "status": "ok",
            "routenas": __version__,
            "models": [{"task": each.card.name, "sha256": each.bundle.digests[0]} for each in self.scorer.predictors],
            "waiting": self.waiting,
            "queue": self.limits.queue,
        }

    async def answer(self, body: bytes, gone: Callable[[], Awaitable[Any]]) -> bytes:
        """The JSON of the score that a request asks for; ``gone()`` returns when nobody waits for it any more.

        Raises :class:`RefusedError`, and what :meth:`Scorer.score_files` raises.
        """
        request = Request.of(body, self.root, self.limits)
        if self.waiting > self.limits.queue:
            seconds = math.ceil(self._seconds * self.waiting)
            text = (
                f"{self.waiting} requests are here, expected at most 1 that is scored and {self.limits.queue} that wait"
            )
            raise RefusedError("busy", text, {"retry-after": str(max(1, seconds))})
        job = self._pool.submit(self._score, request)
        self._jobs.append(job)
        scored, left = asyncio.wrap_future(job), asyncio.ensure_future(gone())
        await asyncio.wait({scored, left}, timeout=self.limits.answer_seconds, return_when=asyncio.FIRST_COMPLETED)
        if not scored.done():
            scored.cancel()  # a request that waits is taken out of the row
            if left.done():
                raise RefusedError("left", "the client did not wait for its answer")
            raise RefusedError("timeout", f"no score within {self.limits.answer_seconds:g} s")
        left.cancel()
        return scored.result()

    def _score(self, request: Request) -> bytes:
        began = time.perf_counter()
        found = self.scorer.score_files(request.files, request.name)
        inputs = {os.path.relpath(path, self.root): digest for path, digest in found.inputs.items()}
        text = json.dumps(replace(found, inputs=inputs).to_dict(), allow_nan=False)
        self._seconds = time.perf_counter() - began
        return text.encode() + b"\n"

    def close(self) -> None:
        """Begin no score any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
