"""The parts of the application that every route works with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from conveyor.model.artifact.storage import Artifact
from conveyor.service.api.answers import Answers
from conveyor.service.api.arrivals import Arrivals
from conveyor.service.batching.batcher import Batcher
from conveyor.service.metrics.metrics import Metrics
from conveyor.service.process.lifecycle import Lifecycle
from conveyor.service.settings import Settings


@dataclass(frozen=True)
class AppContext:
    """The settings, the loaded model, and what tokenizes, computes, counts and admits."""

    settings: Settings
    artifact: Artifact
    tokenizer: Batcher
    model: Batcher
    arrivals: Arrivals
    answers: Answers
    lifecycle: Lifecycle
    metrics: Metrics

    @property
    def max_tokens(self) -> int:
        """The longest text that is read, in tokens: the lower limit of model and operator."""
        allowed = self.artifact.classifier.config.max_tokens
        return min(allowed, self.settings.max_tokens or allowed)


def app_context(request: Request) -> AppContext:
    """Find the context that `create_app` has put into the application."""
    value: AppContext = request.app.state.context
    return value


async def _context(request: Request) -> AppContext:
    # Asynchronous, because FastAPI hands what is not to another thread, for every request.
    return app_context(request)


InContext = Annotated[AppContext, Depends(_context)]
