"""Settings: one frozen object, from CONVEYOR_* variables and the same flags of `conveyor serve`."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from conveyor import SHIPPED
from conveyor.service.origins import origins

MEBIBYTE = 2**20


class Settings(BaseSettings):
    """The operator's choices. Each field is a flag and a ``CONVEYOR_`` variable."""

    # An empty variable is none: compose files pass on with ${X:-} what may not be set.
    model_config = SettingsConfigDict(
        env_prefix="CONVEYOR_", env_ignore_empty=True, frozen=True, extra="forbid"
    )

    model: Path = Field(SHIPPED, description="Model directory, as `conveyor train` writes it.")
    host: str = Field(
        "127.0.0.1",
        description="Address to listen on; 0.0.0.0 is every network of this machine.",
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    threads: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Processor threads a prediction may use; by default, all cores but one.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=256,
        description="Processes that serve, each with its own model; several only on Linux.",
    )
    max_connections: int = Field(
        800, ge=1, description="Most requests to one process at a time; more are refused."
    )
    max_body_bytes: int = Field(
        4 * MEBIBYTE, ge=1, description="Largest body of a request, in bytes."
    )
    max_inputs: int = Field(256, ge=1, description="Most texts in one request.")
    max_tokens: int | None = Field(
        None, ge=1, description="Longest text, in tokens; by default, what the model allows."
    )
    max_batch_tokens: int = Field(
        16_384,
        ge=1,
        description="Most tokens that the model reads at once; one text alone may have more.",
    )
    max_queued_tokens: int = Field(
        131_072, ge=1, description="Most tokens that wait for the model; more are refused."
    )
    max_response_bytes: int = Field(
        64 * MEBIBYTE,
        ge=1,
        description="Largest answer, in bytes, as estimated before it is computed.",
    )
    request_seconds: float = Field(
        30,
        gt=0,
        le=86_400,
        description="Time for a request; the header x-request-timeout may ask for less.",
    )
    shutdown_seconds: int = Field(
        30, ge=0, description="Time that open requests get to finish once the server is to stop."
    )
    api_keys: str | None = Field(
        None,
        repr=False,
        description="API keys, separated by commas, of which a caller must show one.",
    )
    api_keys_file: Path | None = Field(None, description="File with such keys, one a line.")
    trusted_proxies: str | None = Field(
        None,
        description="Addresses or networks, separated by commas, of proxies that are believed who "
        "calls (x-forwarded-for); * is any.",
    )
    cors_origins: str | None = Field(
        None,
        description="Origins, separated by commas, whose pages may call the service; * is any.",
    )
    inspector: bool = Field(
        True, description="Serve the page at / on which people look inside the model."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="Least level that is logged; debug logs passed health checks too.",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people, or JSON for programs."
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, listed: str | None) -> str | None:
        """Write origins as browsers send them."""
        return listed and ",".join(origins(listed))
