"""Settings: one frozen object, from CONVEYOR_* variables and the same flags of `conveyor serve`."""

import importlib.resources
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_MODEL = Path(str(importlib.resources.files("model"))) / "pretrained" / "imdb-sentiment"
MEBIBYTE = 2**20


class Settings(BaseSettings):
    """What an operator can choose. Each field is a flag and a ``CONVEYOR_`` variable."""

    model_config = SettingsConfigDict(env_prefix="CONVEYOR_", frozen=True, extra="forbid")

    model: Path = Field(
        DEFAULT_MODEL, description="Model directory, as `conveyor train` writes it."
    )
    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; 0.0.0.0 is every network of this machine.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Processor threads a prediction may use; by default, one a core.",
    )
    max_body_bytes: int = Field(
        4 * MEBIBYTE, ge=1, description="Largest body of a request, in bytes."
    )
    max_inputs: int = Field(256, ge=1, description="Most texts in one request.")
    max_tokens: int | None = Field(
        None, ge=1, description="Longest text, in tokens; by default, what the model allows."
    )
    max_response_bytes: int = Field(
        64 * MEBIBYTE,
        ge=1,
        description="Largest answer, in bytes, as estimated before it is computed.",
    )
    shutdown_seconds: int = Field(
        30, ge=0, description="Time that open requests get to finish once the server is to stop."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged; info logs every request."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people, or JSON for programs."
    )
