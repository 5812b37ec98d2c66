"""The identity of an artifact, as `GET /info` and `conveyor info` tell it."""

from pydantic import BaseModel, Field


class ArtifactInfo(BaseModel):
    """The name of a model directory, and the hash that tells it from others."""

    name: str
    sha256: str = Field(description="Hash of the files that decide the answers.")
